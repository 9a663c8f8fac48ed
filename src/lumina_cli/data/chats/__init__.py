"""Chats between people, as the programs in which they were written export them."""
