"""What a model is worth on text it has not learnt from, and when that is asked."""
