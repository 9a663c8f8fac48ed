"""Models behind an HTTP API on the user's own machine."""
