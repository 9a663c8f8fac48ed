"""Characters to ids and back: the vocabulary, the chat format, the stream decoder."""
