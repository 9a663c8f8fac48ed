"""A hub is given up when it keeps one waiting or sends too much."""
