"""The folder that ONNX Runtime and transformers.js read."""
