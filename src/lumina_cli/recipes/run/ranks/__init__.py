"""A run of several processes: its other ranks, its restarts, and whether they pay."""
