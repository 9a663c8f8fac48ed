"""Data sets from the Hugging Face hub, or a local copy of it."""
