"""Perplexity of held-out text, the evaluation suite, and its report for a model card."""
