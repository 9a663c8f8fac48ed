"""A chat: what a typed line means, and the session it changes."""
