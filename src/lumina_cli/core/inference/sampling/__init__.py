"""From the logits of a position to an id: filters, what makes valid text, the draw."""
