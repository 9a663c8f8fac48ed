"""Runs in a folder, as they are watched while they go on and afterwards."""
