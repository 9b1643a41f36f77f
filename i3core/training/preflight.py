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

from ..system.humanize import size_text
from .memory_estimate import checkpoint_bytes

# ---------------------------------------------------------------------------------------------------------- findings


@dataclass(frozen=True)
class DataFinding:
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


def check_run(plan: Plan) -> list[DataFinding]:
    """What is wrong or doubtful about `plan`; what makes it impossible comes first."""
    findings = [*_disk(plan), *_memory(plan), *_data(plan), *_learning_rate(plan)]
    return sorted(findings, key=lambda finding: not finding.fatal)


def _disk(plan: Plan) -> Iterator[DataFinding]:
    there = plan.out.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    present = sum(path.stat().st_size for path in (plan.out / "checkpoints").rglob("*") if path.is_file())
    optimizer = "adamw" if plan.public_recipe else plan.optimizer
    needed = checkpoint_bytes(plan.parameters, plan.trainable, optimizer, plan.matrices, plan.lora) - present
    if needed > free:
        yield DataFinding(
            "disk",
            f"The checkpoints in {plan.out} need {size_text(needed)}, and the disk has {size_text(max(0, free))} left.",
            "Free some disk space, or choose a folder on another disk (--out).",
            fatal=True,
        )


def _memory(plan: Plan) -> Iterator[DataFinding]:
    least = plan.memory_least_bytes or plan.memory_bytes
    smaller = "a smaller batch (--batch-size)" if least == plan.memory_bytes else "a smaller model"
    remedy = f"Use {smaller}, or train a small adapter beside the model (--lora-rank 8)."
    if plan.lora:
        remedy = f"Use {smaller}."
    if least > plan.memory_total:
        yield DataFinding(
            "memory",
            f"A training step needs about {size_text(least)} of memory, and {plan.memory_place} has "
            f"{size_text(plan.memory_total)}.",
            remedy,
            fatal=True,
        )
    elif least > plan.memory_available:
        yield DataFinding(
            "memory",
            f"A training step needs about {size_text(least)} of memory, and {size_text(plan.memory_available)} "
            "are free. The run may be ended by the system.",
            f"Close other programs. {remedy}",
        )
    elif plan.memory_bytes > plan.memory_available:
        yield DataFinding(
            "memory",
            f"A whole batch would need about {size_text(plan.memory_bytes)} of memory, and "
            f"{size_text(plan.memory_available)} are free: it goes through the model in parts.",
            "The result is the same. Close other programs, or use a smaller batch (--batch-size), to have it in one.",
        )


def _data(plan: Plan) -> Iterator[DataFinding]:
    if plan.tokens_per_epoch <= 0:
        yield DataFinding("data", "The data holds no text to learn from.", "Add text (--data).", fatal=True)
        return
    if plan.documents < 20:
        count = "a single document" if plan.documents == 1 else f"only {plan.documents} documents"
        yield DataFinding(
            "data",
            f"The data is {count}: the model will know it by heart rather than learn from it.",
            "Add more text; some hundred documents are a good start.",
        )
    if plan.tokens_per_epoch < plan.tokens_per_step:
        yield DataFinding(
            "data",
            f"The data is shorter than one training step: {plan.tokens_per_epoch:,} tokens where a step takes "
            f"{plan.tokens_per_step:,}.",
            "Add more text, or use a smaller batch (--batch-size) or fewer batches a step (--accumulate).",
        )
    if plan.learned_tokens == 0:
        yield DataFinding(
            "data",
            "The data holds no reply to learn from: all of them are marked as context.",
            "Remove the marks (weight 0), or learn every turn (--loss-on all).",
            fatal=True,
        )
    validates = plan.held_out_rows > 0
    if plan.evaluates and not validates:
        yield DataFinding(
            "data",
            "No text is held out, so nothing will show when the model stops learning and starts repeating its data.",
            "Name a file to validate with (--val), or hold out a share (--val-share); with little data, add more.",
        )
    if plan.patience and not validates:
        yield DataFinding(
            "data", "Patience has no effect where no text is held out.", "Name a file to validate with (--val)."
        )
    epochs = plan.total_steps / max(1, plan.steps_per_epoch)
    if epochs > (50 if validates and plan.evaluates else 16) and not plan.patience:
        yield DataFinding(
            "data",
            f"The model will read the same data {epochs:,.0f} times, and will end by repeating it word for word.",
            "Use fewer epochs (--epochs) or steps (--steps), or end the run when it no longer improves (--patience 5).",
        )
    if plan.unknown_share > 0.02:
        lacks = "The model's vocabulary lacks" if plan.fine_tuning else "The vocabulary lacks"
        yield DataFinding(
            "data",
            f"{lacks} characters of this text: {plan.unknown_share:.0%} of it cannot be told apart.",
            "Train from scratch, with a vocabulary built from this data."
            if plan.fine_tuning
            else "Build a vocabulary from this data instead of the one that was named (--tokenizer).",
        )


def _learning_rate(plan: Plan) -> Iterator[DataFinding]:
    # Adam moves each weight by about the rate in every step, and most weights are around 0.02. Muon is scaled alike.
    usual = "1e-4 to 2e-3" if plan.lora else "5e-5 to 5e-4" if plan.fine_tuning else "3e-4 to 3e-3"
    remedy = f"Usual here are {usual} (--lr)."
    high = 1e-2 if plan.lora or not plan.fine_tuning else 3e-3
    if plan.lr > 0.1:
        yield DataFinding(
            "learning_rate",
            f"The learning rate of {plan.lr:g} is so high that every step would overwrite what the model knows.",
            remedy,
            fatal=True,
        )
    elif plan.lr > high:
        harm = "the model may forget what it knew" if plan.fine_tuning else "the loss may jump and never come down"
        yield DataFinding("learning_rate", f"The learning rate of {plan.lr:g} is very high: {harm}.", remedy)
    elif plan.lr < 1e-6:
        yield DataFinding(
            "learning_rate", f"With a learning rate of {plan.lr:g} next to nothing will be learned.", remedy
        )
