"""From files to batches: readers, the starter corpus, the encoded corpus."""
