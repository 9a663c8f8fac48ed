"""Optimizers whose step is whole or not done at all."""
