"""A training run as it goes on: events, files, report."""
