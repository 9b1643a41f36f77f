"""Training runs: configuration, set-up, training loop, optimizers, checkpointing, control, estimates."""
