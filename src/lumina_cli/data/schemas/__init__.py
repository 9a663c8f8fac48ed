"""From a row to a conversation or a text."""
