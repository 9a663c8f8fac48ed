"""The page of a run: its history, curves and samples in one file."""
