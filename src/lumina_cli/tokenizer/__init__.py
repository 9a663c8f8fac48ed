"""Text to ids and back: tokenizers, the chat format, the stream decoder."""
