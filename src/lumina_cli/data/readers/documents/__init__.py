"""From documents to their text: pages, books, letters, subtitles, dialogues in YAML."""
