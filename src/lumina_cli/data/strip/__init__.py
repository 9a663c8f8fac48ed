"""What stands around a text and is none of it: licences of Project Gutenberg, tags, headers."""
