"""The starter corpus: conversations written for this project."""
