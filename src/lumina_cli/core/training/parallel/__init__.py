"""Who shares a step: threads of one process, and ranks."""
