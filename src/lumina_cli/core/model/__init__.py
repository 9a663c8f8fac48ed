"""The Transformer: its shape, its layers, its cache and its size."""
