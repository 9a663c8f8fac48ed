"""What changes as a run goes on, and what ends it: rate, windows, limits, time."""
