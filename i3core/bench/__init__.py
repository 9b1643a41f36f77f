"""Benchmarks: decoding, prefill and training against the plain code, the server, chat beside training."""
