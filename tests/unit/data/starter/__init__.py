"""Tests of the starter corpus."""
