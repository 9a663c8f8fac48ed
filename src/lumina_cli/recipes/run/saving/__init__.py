"""What a run writes: the best model, checkpoints, what they tell, when."""
