"""Fine-tuning a model that is there."""
