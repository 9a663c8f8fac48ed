"""Runs of training over HTTP: lists, events and curves."""
