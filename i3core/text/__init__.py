"""Text to token ids: chunk tokenizer, chat template, and the naive tokenizer as reference."""
