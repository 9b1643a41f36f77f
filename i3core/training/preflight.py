"""Checks before the first step: disk, memory, data and learning rate.

Plain numbers, no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..system.disk_space import free_bytes
from ..system.humanize import size_text
from .memory_estimate import checkpoint_bytes


@dataclass(frozen=True)
class PreflightFinding:
    """A doubt about a run, or the reason why it cannot work.

    Attributes:
        kind: "disk", "memory", "data" or "learning_rate".
        what, remedy: in plain words.
        fatal: whether the run cannot work.
    """

    kind: str
    what: str
    remedy: str
    fatal: bool = False


@dataclass(frozen=True)
class PlannedRun:
    """Figures of a run before its first step.

    Attributes:
        out: the run folder, which need not exist.
        parameters, trainable: all weights, and those that change; matrices: weights trained by Muon (`block_matrices`).
        lr: peak learning rate; public_recipe: whether the optimiser is that of the public i3 code.
        fine_tuning: whether the run starts from a trained model; lora: whether it trains an adapter.
        documents, tokens_per_epoch: of the training data; unknown_share: share of `<UNK>` among its tokens.
        learned_tokens: tokens that the model learns to predict; None if unknown.
        replay_share: share of the tokens of a step that is replayed, not of the training data.
        asks: whether evaluations ask questions about the data.
        tokens_per_step, steps_per_epoch, total_steps: the schedule.
        evaluates: whether the run evaluates; validation_sequences: sequences for it; patience: evaluations, 0 for no
            limit.
        memory_bytes: estimate for a whole batch; memory_least_bytes: for the smallest part it can be split into, or 0.
        memory_available, memory_total: of the device, with the loaded weights counted as available.
        memory_place: name of the device, such as "this computer".
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
    validation_sequences: int = 0
    patience: int = 0
    learned_tokens: int | None = None
    replay_share: float = 0.0
    asks: bool = False


def check_run(planned: PlannedRun) -> list[PreflightFinding]:
    """List what is doubtful about `planned`, fatal findings first."""
    findings = [*_disk(planned), *_memory(planned), *_data(planned), *_learning_rate(planned)]
    return sorted(findings, key=lambda finding: not finding.fatal)


def _disk(planned: PlannedRun) -> Iterator[PreflightFinding]:
    free = free_bytes(planned.out)
    present = sum(path.stat().st_size for path in (planned.out / "checkpoints").rglob("*") if path.is_file())
    optimizer = "adamw" if planned.public_recipe else planned.optimizer
    needed = (
        checkpoint_bytes(planned.parameters, planned.trainable, optimizer, planned.matrices, planned.lora) - present
    )
    if needed > free:
        yield PreflightFinding(
            "disk",
            f"The checkpoints in {planned.out} need {size_text(needed)}, and the disk has {size_text(max(0, free))} "
            "left.",
            "Free some disk space, or choose a folder on another disk (--out).",
            fatal=True,
        )


def _memory(planned: PlannedRun) -> Iterator[PreflightFinding]:
    least = planned.memory_least_bytes or planned.memory_bytes
    smaller = "a smaller batch (--batch-size)" if least == planned.memory_bytes else "a smaller model"
    remedy = f"Use {smaller}, or train a small adapter beside the model (--lora-rank 8)."
    if planned.lora:
        remedy = f"Use {smaller}."
    if least > planned.memory_total:
        yield PreflightFinding(
            "memory",
            f"A training step needs about {size_text(least)} of memory, and {planned.memory_place} has "
            f"{size_text(planned.memory_total)}.",
            remedy,
            fatal=True,
        )
    elif least > planned.memory_available:
        yield PreflightFinding(
            "memory",
            f"A training step needs about {size_text(least)} of memory, and {size_text(planned.memory_available)} "
            "are free. The run may be ended by the system.",
            f"Close other programs. {remedy}",
        )
    elif planned.memory_bytes > planned.memory_available:
        yield PreflightFinding(
            "memory",
            f"A whole batch would need about {size_text(planned.memory_bytes)} of memory, and "
            f"{size_text(planned.memory_available)} are free: the model processes it in parts.",
            "The result is the same. To process it at once, close other programs or lower --batch-size.",
        )


def _data(planned: PlannedRun) -> Iterator[PreflightFinding]:
    if planned.tokens_per_epoch <= 0:
        yield PreflightFinding("data", "The data holds no text to learn from.", "Add text (--data).", fatal=True)
        return
    # Answers to questions shall be known by heart, and such records are repeated and mixed until a step is full.
    is_text = not planned.asks
    if is_text and planned.documents < 20:
        count = "a single document" if planned.documents == 1 else f"only {planned.documents} documents"
        yield PreflightFinding(
            "data",
            f"The data is {count}: the model will memorise it rather than learn from it.",
            "Add more text; a few hundred documents are a good start.",
        )
    if is_text and planned.tokens_per_epoch < planned.tokens_per_step * (1 - planned.replay_share):
        yield PreflightFinding(
            "data",
            f"The data is shorter than one training step: it has {planned.tokens_per_epoch:,} tokens, and a step reads "
            f"{planned.tokens_per_step:,}.",
            "Add more text, or use a smaller batch (--batch-size) or fewer batches per step (--accumulate).",
        )
    if planned.learned_tokens == 0:
        yield PreflightFinding(
            "data",
            "The data holds no reply to learn from: there are none, or all of them are marked as context.",
            "Add replies, remove the marks (weight 0), or train on every turn (--loss-on all).",
            fatal=True,
        )
    validates = planned.validation_sequences > 0
    if planned.evaluates and not validates and not planned.asks:
        yield PreflightFinding(
            "data",
            "No text is held out, so nothing will show when the model stops learning and starts repeating its data.",
            "Name a validation file (--val), or hold out a share (--val-share); with little data, add more.",
        )
    if planned.patience and not validates and not planned.asks:
        yield PreflightFinding(
            "data", "Patience has no effect if no text is held out.", "Name a validation file (--val)."
        )
    epochs = planned.total_steps / max(1, planned.steps_per_epoch)
    if epochs > (50 if (validates or planned.asks) and planned.evaluates else 16) and not planned.patience:
        yield PreflightFinding(
            "data",
            f"The model will read the same data {epochs:,.0f} times and end up repeating it word for word.",
            "Use fewer epochs (--epochs) or steps (--steps), or end the run when it no longer improves (--patience 5).",
        )
    if planned.unknown_share > 0.02:
        lacks = "The model's vocabulary lacks" if planned.fine_tuning else "The vocabulary lacks"
        yield PreflightFinding(
            "data",
            f"{lacks} characters of this text: {planned.unknown_share:.0%} of its tokens are <UNK>.",
            "Train from scratch, with a vocabulary built from this data."
            if planned.fine_tuning
            else "Build a vocabulary from this data instead of using --tokenizer.",
        )


def _learning_rate(planned: PlannedRun) -> Iterator[PreflightFinding]:
    # Adam moves each weight by about the rate in every step, and most weights are around 0.02. Muon is scaled alike.
    usual = "1e-4 to 2e-3" if planned.lora else "5e-5 to 5e-4" if planned.fine_tuning else "3e-4 to 3e-3"
    remedy = f"Usual rates here are {usual} (--lr)."
    high = 1e-2 if planned.lora or not planned.fine_tuning else 3e-3
    if planned.lr > 0.1:
        yield PreflightFinding(
            "learning_rate",
            f"The learning rate of {planned.lr:g} is so high that every step would overwrite what the model knows.",
            remedy,
            fatal=True,
        )
    elif planned.lr > high:
        harm = "the model may forget what it knew" if planned.fine_tuning else "the loss may jump and never come down"
        yield PreflightFinding("learning_rate", f"The learning rate of {planned.lr:g} is very high: {harm}.", remedy)
    elif planned.lr < 1e-6:
        yield PreflightFinding(
            "learning_rate", f"With a learning rate of {planned.lr:g} almost nothing will be learned.", remedy
        )
