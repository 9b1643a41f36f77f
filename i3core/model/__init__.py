"""The network: sizes, blocks, linear recurrences, loss, LoRA, int8 weights, the naive reference."""
