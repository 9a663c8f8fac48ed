"""What a training run is to do, decided before it begins."""
