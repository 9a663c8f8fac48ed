"""Texts generated for many at once, in a thread of their own."""
