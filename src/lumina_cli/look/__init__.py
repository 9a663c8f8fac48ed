"""The views of a model: arrays in, plain values out. Each is held to the model by a test."""
