"""Before the first step: what a run will need, and what about it is doubtful. Plain numbers, no torch.

The memory estimate counts what autograd keeps for each token. A process grows by that, to some percent, if its
allocator returns what is freed. On CPUs it does not: gradients that stay end up between activations that go, and the
holes are not filled again. The factor for that was measured with all presets, one and several batches a step.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .config import ModelConfig

FLOAT32 = 4
LOGITS_AT_ONCE = 11 * 2**20  # elements, as in loss.py
CPU_SLACK, CUDA_SLACK = 1.5, 1.1  # what the allocators take for each byte of activations
CUDA_CONTEXT = 500_000_000
SMALL_FILES = 4_000_000  # of a checkpoint: vocabulary, configuration


# ------------------------------------------------------------------------------------------------------------ memory


def block_matrices(config: ModelConfig) -> int:
    """Weights that Muon takes care of: the matrices of attention and feed-forward layers."""
    d = config.d_model
    return config.n_layers * 2 * d * config.ffn_width + config.attention_layers * 4 * d * d


def optimizer_floats(trainable: int, optimizer: str, matrices: int = 0) -> int:
    """Numbers that the optimiser remembers: two a weight with AdamW, one for each of the `matrices` with Muon."""
    return 2 * trainable - (min(matrices, trainable) if optimizer == "muon" else 0)


def estimate_memory(
    config: ModelConfig, trainable: int, optimizer: str, rows: int, width: int, precision: str, is_cuda: bool
) -> int:
    """Bytes of weights, gradients, optimiser state and activations while a batch of rows x width tokens is learned.

    On CUDA it is memory of the card, with CUDA's own share. On a CPU it comes on top of the program itself. With frozen
    weights the activations are fewer than this says.
    """
    half = precision != "float32"
    matrices = block_matrices(config) if trainable >= config.parameters else 0
    head = config.vocab_size * config.d_model
    fixed = FLOAT32 * (config.parameters + trainable + optimizer_floats(trainable, optimizer, matrices))
    fixed += FLOAT32 * min(head, trainable)  # the loss takes the head's gradient beside the one that is added up
    if half:
        fixed += 2 * config.parameters  # autocast's copies
    tokens = rows * width
    logits = min(LOGITS_AT_ONCE, max(16, tokens) * config.vocab_size) * (FLOAT32 + (2 if half else 0))
    activations = tokens * _activation_bytes(config, 2 if half else FLOAT32)
    if is_cuda:
        return int(fixed + logits + CUDA_SLACK * activations) + CUDA_CONTEXT
    return int(fixed + logits + CPU_SLACK * activations)


def _activation_bytes(config: ModelConfig, size: int) -> int:
    """What is kept of each token for the backward pass, `size` bytes for a number that is the input of a product."""
    d, f = config.d_model, config.ffn_width
    ffn = FLOAT32 * d + size * (d + 2 * f)  # the residual; normalised; before and after GELU
    hybrid = FLOAT32 * (3 * d + config.d_state)  # the residual; normalised; h; s
    attention = FLOAT32 * d + size * (d + 3 * d + d)  # the residual; normalised; queries, keys, values; mixed
    ends = FLOAT32 * 4 * d  # embedded; before and after the last norm; its gradient
    return config.hybrid_layers * (hybrid + ffn) + config.attention_layers * (attention + ffn) + ends


def largest_micro_batch(
    config: ModelConfig,
    trainable: int,
    optimizer: str,
    rows: int,
    width: int,
    precision: str,
    is_cuda: bool,
    available: int,
) -> int:
    """How many of `rows` rows pass through the network at once within `available` bytes; at least 1.

    available: what is free, and what the weights already take.
    """
    fitting = (
        micro
        for micro in range(rows, 1, -1)
        if estimate_memory(config, trainable, optimizer, micro, width, precision, is_cuda) <= available
    )
    return next(fitting, 1)


def checkpoint_bytes(parameters: int, trainable: int, optimizer: str, matrices: int = 0, lora: bool = False) -> int:
    """The most that a run's checkpoints take at once: last, with the optimiser's state, twice while it is replaced;
    and best.

    Args:
        matrices: the weights that Muon takes care of (`block_matrices`).
        lora: whether checkpoints hold the adapter alone.
    """
    weights = FLOAT32 * (trainable if lora else parameters)
    state = FLOAT32 * optimizer_floats(trainable, optimizer, 0 if lora else matrices)
    return 3 * (weights + SMALL_FILES) + 2 * state


# ---------------------------------------------------------------------------------------------------------- findings


@dataclass(frozen=True)
class Finding:
    """Something about a run that the user should know before it starts.

    Attributes:
        kind: "disk", "memory", "data" or "learning_rate".
        what, remedy: in plain words.
        fatal: the run cannot work.
    """

    kind: str
    what: str
    remedy: str
    fatal: bool = False


@dataclass(frozen=True)
class Plan:
    """What is known of a run before its first step.

    Attributes:
        out: the run folder, which need not exist.
        parameters, trainable: weights in all, and those that change; matrices: of these, Muon's (`block_matrices`).
        lr: peak learning rate; public_recipe: with the optimiser of the public i3 code.
        fine_tuning: whether a trained model is the start; lora: whether an adapter is trained.
        documents, tokens_per_epoch: of the training data; unknown_share: of `<UNK>` among its tokens.
        learned_tokens: those that the model learns to say; None if nobody counted.
        tokens_per_step, steps_per_epoch, total_steps: how the data is gone through.
        evaluates: whether the user wants validation; held_out_rows: for it; patience: evaluations, 0 for no limit.
        memory_bytes: estimate for a whole batch; memory_least_bytes: for the smallest part it can be split into, or 0.
        memory_available, memory_total: where the run takes place, the weights already loaded counted as available.
        memory_place: what has the memory, such as "this computer" or the card's name.
    """

    out: Path
    parameters: int
    trainable: int
    optimizer: str
    lr: float
    documents: int
    tokens_per_epoch: int
    tokens_per_step: int
    steps_per_epoch: int
    total_steps: int
    memory_bytes: int
    memory_available: int
    memory_total: int
    memory_least_bytes: int = 0
    memory_place: str = "this computer"
    matrices: int = 0
    public_recipe: bool = False
    fine_tuning: bool = True
    lora: bool = False
    unknown_share: float = 0.0
    evaluates: bool = True
    held_out_rows: int = 0
    patience: int = 0
    learned_tokens: int | None = None


def check_run(plan: Plan) -> list[Finding]:
    """What is wrong or doubtful about `plan`; what makes it impossible comes first."""
    findings = [*_disk(plan), *_memory(plan), *_data(plan), *_learning_rate(plan)]
    return sorted(findings, key=lambda finding: not finding.fatal)


def _disk(plan: Plan) -> Iterator[Finding]:
    there = plan.out.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    present = sum(path.stat().st_size for path in (plan.out / "checkpoints").rglob("*") if path.is_file())
    optimizer = "adamw" if plan.public_recipe else plan.optimizer
    needed = checkpoint_bytes(plan.parameters, plan.trainable, optimizer, plan.matrices, plan.lora) - present
    if needed > free:
        yield Finding(
            "disk",
            f"The checkpoints in {plan.out} need {_size(needed)}, and the disk has {_size(max(0, free))} left.",
            "Free some disk space, or choose a folder on another disk (--out).",
            fatal=True,
        )


def _memory(plan: Plan) -> Iterator[Finding]:
    least = plan.memory_least_bytes or plan.memory_bytes
    smaller = "a smaller batch (--batch-size)" if least == plan.memory_bytes else "a smaller model"
    remedy = f"Use {smaller}, or train a small adapter beside the model (--lora-rank 8)."
    if plan.lora:
        remedy = f"Use {smaller}."
    if least > plan.memory_total:
        yield Finding(
            "memory",
            f"A training step needs about {_size(least)} of memory, and {plan.memory_place} has "
            f"{_size(plan.memory_total)}.",
            remedy,
            fatal=True,
        )
    elif least > plan.memory_available:
        yield Finding(
            "memory",
            f"A training step needs about {_size(least)} of memory, and {_size(plan.memory_available)} are free. "
            "The run may be ended by the system.",
            f"Close other programs. {remedy}",
        )
    elif plan.memory_bytes > plan.memory_available:
        yield Finding(
            "memory",
            f"A whole batch would need about {_size(plan.memory_bytes)} of memory, and {_size(plan.memory_available)} "
            "are free: it goes through the model in parts.",
            "The result is the same. Close other programs, or use a smaller batch (--batch-size), to have it in one.",
        )


def _data(plan: Plan) -> Iterator[Finding]:
    if plan.tokens_per_epoch <= 0:
        yield Finding("data", "The data holds no text to learn from.", "Add text (--data).", fatal=True)
        return
    if plan.documents < 20:
        count = "a single document" if plan.documents == 1 else f"only {plan.documents} documents"
        yield Finding(
            "data",
            f"The data is {count}: the model will know it by heart rather than learn from it.",
            "Add more text; some hundred documents are a good start.",
        )
    if plan.tokens_per_epoch < plan.tokens_per_step:
        yield Finding(
            "data",
            f"The data is shorter than one training step: {plan.tokens_per_epoch:,} tokens where a step takes "
            f"{plan.tokens_per_step:,}.",
            "Add more text, or use a smaller batch (--batch-size) or fewer batches a step (--accumulate).",
        )
    if plan.learned_tokens == 0:
        yield Finding(
            "data",
            "The data holds no reply to learn from: all of them are marked as context.",
            "Remove the marks (weight 0), or learn every turn (--loss-on all).",
            fatal=True,
        )
    validates = plan.held_out_rows > 0
    if plan.evaluates and not validates:
        yield Finding(
            "data",
            "No text is held out, so nothing will show when the model stops learning and starts repeating its data.",
            "Name a file to validate with (--val), or hold out a share (--val-share); with little data, add more.",
        )
    if plan.patience and not validates:
        yield Finding(
            "data", "Patience has no effect where no text is held out.", "Name a file to validate with (--val)."
        )
    epochs = plan.total_steps / max(1, plan.steps_per_epoch)
    if epochs > (50 if validates and plan.evaluates else 16) and not plan.patience:
        yield Finding(
            "data",
            f"The model will read the same data {epochs:,.0f} times, and will end by repeating it word for word.",
            "Use fewer epochs (--epochs) or steps (--steps), or end the run when it no longer improves (--patience 5).",
        )
    if plan.unknown_share > 0.02:
        lacks = "The model's vocabulary lacks" if plan.fine_tuning else "The vocabulary lacks"
        yield Finding(
            "data",
            f"{lacks} characters of this text: {plan.unknown_share:.0%} of it cannot be told apart.",
            "Train from scratch, with a vocabulary built from this data."
            if plan.fine_tuning
            else "Build a vocabulary from this data instead of the one that was named (--tokenizer).",
        )


def _learning_rate(plan: Plan) -> Iterator[Finding]:
    # Adam moves each weight by about the rate in every step, and most weights are around 0.02. Muon is scaled alike.
    usual = "1e-4 to 2e-3" if plan.lora else "5e-5 to 5e-4" if plan.fine_tuning else "3e-4 to 3e-3"
    remedy = f"Usual here are {usual} (--lr)."
    high = 1e-2 if plan.lora or not plan.fine_tuning else 3e-3
    if plan.lr > 0.1:
        yield Finding(
            "learning_rate",
            f"The learning rate of {plan.lr:g} is so high that every step would overwrite what the model knows.",
            remedy,
            fatal=True,
        )
    elif plan.lr > high:
        harm = "the model may forget what it knew" if plan.fine_tuning else "the loss may jump and never come down"
        yield Finding("learning_rate", f"The learning rate of {plan.lr:g} is very high: {harm}.", remedy)
    elif plan.lr < 1e-6:
        yield Finding("learning_rate", f"With a learning rate of {plan.lr:g} next to nothing will be learned.", remedy)


def _size(count: int) -> str:
    """Bytes as people say them."""
    for unit, factor, digits in (("TB", 1e12, 1), ("GB", 1e9, 1), ("MB", 1e6, 0)):
        if count >= factor:
            return f"{count / factor:,.{digits}f} {unit}"
    return "less than 1 MB"
