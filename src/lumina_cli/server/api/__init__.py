"""OpenAI's API: requests, answers and errors, and what a request asks of a model."""
