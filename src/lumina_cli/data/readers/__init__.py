"""From a file to its rows."""
