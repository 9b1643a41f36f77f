"""Text to token ids: chunk tokenizer, byte-level BPE, chat template, and the naive tokenizer as reference."""
