"""OASST messages: rows, and the trees rebuilt from them."""
