"""Draft tokens: where they come from, and when they pay."""
