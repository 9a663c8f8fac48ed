"""The one file that llama.cpp reads, and what stands on it."""
