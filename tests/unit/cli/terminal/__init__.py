"""Tests of what a terminal needs."""
