"""What does the passes of a model: torch here, ONNX Runtime in a room of its own."""
