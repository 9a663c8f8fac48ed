"""HTTP as it comes from anybody: bounds, deadlines, signals and the log of requests."""
