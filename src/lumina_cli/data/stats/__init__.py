"""Statistics of data, as `lumina data check` shows them."""
