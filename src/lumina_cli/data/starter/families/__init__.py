"""Pattern families: questions that are made by a rule, a few of each held out."""
