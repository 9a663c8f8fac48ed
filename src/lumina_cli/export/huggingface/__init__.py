"""The folder that Hugging Face transformers reads: weights, config, tokenizer, model card."""
