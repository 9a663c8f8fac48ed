"""Files and folders of the system, and text made safe for a terminal (no torch)."""
