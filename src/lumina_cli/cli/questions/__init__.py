"""What a person at a terminal is asked before a run."""
