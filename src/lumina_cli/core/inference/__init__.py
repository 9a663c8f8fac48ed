"""From logits to text: filters, samplers, the decoding loop."""
