"""Subtitles: cues, who speaks in them, and what becomes of a file."""
