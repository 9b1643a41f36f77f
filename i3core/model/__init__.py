"""The network: sizes, blocks, linear recurrences, loss, LoRA, int8 and int4, a token in C, the naive reference."""
