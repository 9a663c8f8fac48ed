"""Loading a model to generate, evaluate or describe."""
