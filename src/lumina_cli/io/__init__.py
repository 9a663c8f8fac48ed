"""Files and folders on disk, and text made safe for a terminal (no torch)."""
