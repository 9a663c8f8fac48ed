"""Model files and checkpoints: written whole, read without trust."""
