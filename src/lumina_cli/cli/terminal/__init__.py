"""What a terminal needs: frames, lines that break between words, keys that stay unseen."""
