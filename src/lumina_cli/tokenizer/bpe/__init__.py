"""The tokenizer of subwords: its split into words, its merges, how they are learnt."""
