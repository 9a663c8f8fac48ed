"""Model files of lumina's own, with weights of fewer bits."""
