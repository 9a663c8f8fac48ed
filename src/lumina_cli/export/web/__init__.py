"""A page that chats in any browser: the model, ONNX Runtime Web, and no server."""
