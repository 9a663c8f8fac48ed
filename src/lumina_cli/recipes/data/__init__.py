"""Fetching and checking data."""
