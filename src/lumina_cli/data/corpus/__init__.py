"""From documents to encoded text in the cache: counted, split, encoded, opened."""
