"""Folders that lumina makes: of the cache, of runs, of the user."""
