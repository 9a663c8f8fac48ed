"""Everything that is torch: the model, training, checkpoints, sampling."""
