"""Rows that hold turns, in a list or one each."""
