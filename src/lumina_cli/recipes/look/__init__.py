"""Looking into a model: requests, the text they are about, the view of it."""
