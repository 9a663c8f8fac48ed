"""Chats with bots, as the programs export them."""
