"""lumina: train a small chatbot from nothing, and talk to it."""
