"""A module for each program: recognised by content, read as messages."""
