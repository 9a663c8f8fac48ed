"""Where the words of a text stand in the training text."""
