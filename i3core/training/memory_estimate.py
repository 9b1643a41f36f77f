"""Estimates of the memory and disk space that a run needs.

Plain numbers, no torch.

The memory estimate counts what autograd keeps for each token. A process gsequences by that, to some percent, if its
allocator returns freed memory. On CPUs it does not: gradients that stay are placed between activations that are freed,
and the gaps are not filled again. The factor for that was measured with all presets, one and several batches a step.
"""

from __future__ import annotations

from ..model.block_kinds import FLOAT32, KINDS
from ..model.config import ModelConfig

LOGITS_AT_ONCE = 11 * 2**20  # elements, as in loss.py
CPU_SLACK, CUDA_SLACK = 1.5, 1.1  # bytes that the allocators take for each byte of activations
CUDA_CONTEXT = 500_000_000
SMALL_FILES = 4_000_000  # vocabulary and configuration of a checkpoint


def block_matrices(config: ModelConfig) -> int:
    """Count the weights that Muon trains: the matrices of the blocks' linear layers."""
    return sum(KINDS[kind].linear_weights(config) for kind in config.kinds)


def optimizer_floats(trainable: int, optimizer: str, matrices: int = 0) -> int:
    """Count the optimiser's state: two numbers a weight with AdamW, one for each of the `matrices` with Muon."""
    return 2 * trainable - (min(matrices, trainable) if optimizer == "muon" else 0)


def estimate_memory(
    config: ModelConfig, trainable: int, optimizer: str, sequences: int, width: int, precision: str, is_cuda: bool
) -> int:
    """Estimate the bytes of weights, gradients, optimiser state and activations of a (sequences, width) batch.

    On CUDA this is memory of the GPU, the CUDA context included. On a CPU it adds to the memory of the program. With
    frozen weights there are fewer activations than estimated.
    """
    half = precision != "float32"
    matrices = block_matrices(config) if trainable >= config.parameters else 0
    head = config.vocab_size * config.d_model
    fixed = FLOAT32 * (config.parameters + trainable + optimizer_floats(trainable, optimizer, matrices))
    fixed += FLOAT32 * min(head, trainable)  # the loss keeps the head's gradient beside the accumulated one
    if half:
        fixed += 2 * config.parameters  # autocast's copies
    tokens = sequences * width
    logits = min(LOGITS_AT_ONCE, max(16, tokens) * config.vocab_size) * (FLOAT32 + (2 if half else 0))
    activations = tokens * _activation_bytes(config, 2 if half else FLOAT32)
    if is_cuda:
        return int(fixed + logits + CUDA_SLACK * activations) + CUDA_CONTEXT
    return int(fixed + logits + CPU_SLACK * activations)


def _activation_bytes(config: ModelConfig, size: int) -> int:
    """Bytes kept of each token for the backward pass.

    Inputs of matrix products take `size` bytes a number.
    """
    ends = FLOAT32 * 4 * config.d_model  # embedded; before and after the last norm; its gradient
    return ends + sum(KINDS[kind].kept_bytes(config, size) for kind in config.kinds)


def largest_micro_batch(
    config: ModelConfig,
    trainable: int,
    optimizer: str,
    sequences: int,
    width: int,
    precision: str,
    is_cuda: bool,
    available: int,
) -> int:
    """Number of sequences (1 to `sequences`) that the network can process at once within `available` bytes.

    available: free bytes plus those that the weights already take.
    """
    fitting = (
        micro
        for micro in range(sequences, 1, -1)
        if estimate_memory(config, trainable, optimizer, micro, width, precision, is_cuda) <= available
    )
    return next(fitting, 1)


def checkpoint_bytes(parameters: int, trainable: int, optimizer: str, matrices: int = 0, lora: bool = False) -> int:
    """Largest size of a run's checkpoints: last (with optimiser state) twice while it is replaced, and best.

    Args:
        matrices: number of weights that Muon trains (`block_matrices`).
        lora: whether checkpoints hold the adapter alone.
    """
    weights = FLOAT32 * (trainable if lora else parameters)
    state = FLOAT32 * optimizer_floats(trainable, optimizer, 0 if lora else matrices)
    return 3 * (weights + SMALL_FILES) + 2 * state
