"""What `--help` and `--help-all` print, and what the shell completes."""
