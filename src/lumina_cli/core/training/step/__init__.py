"""One optimizer step: loss, gradients, memory, the compiler."""
