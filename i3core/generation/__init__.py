"""From a prompt to text: sampling, prompt cache, stop strings, context window, batches of sequences."""
