"""Texts of the panel of a run. Pure functions, without Qt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.humanize import duration_text
from i3desk.language import figure, tr
from i3desk.runs.config_diff import split_shown
from i3desk.runs.labels import STATE_WORDS, loss_text, tone_of

if TYPE_CHECKING:
    from i3desk.widgets.facts import Fact

PENDING_TEXTS = {"pause": tr("pausing…"), "resume": tr("continuing…"), "stop": tr("stopping and saving…")}
UNKNOWN = "–"


def state_words(state: RunState, pending_command: str) -> tuple[str, str]:
    """The state in words, and its colour token; a pending command takes precedence."""
    if pending_command and state.is_alive:
        return PENDING_TEXTS[pending_command], "warn"
    return STATE_WORDS[state], tone_of(state)


def done_text(step: int, total: int) -> str:
    """The share that is done, rounded down: "100 %" only at the end."""
    return f"{100 * step // total} %" if total else ""


def left_s(summary: RunSummary, step: int, eta_s: float | None) -> float | None:
    """Seconds to the end as logged by the trainer, else from the speed so far."""
    if eta_s is not None:
        return eta_s
    if step > 0 and summary.seconds > 0 and summary.total_steps:
        return summary.seconds / step * max(0, summary.total_steps - step)
    return None


def figures(summary: RunSummary, status: RunStatus, step: int, eta_s: float | None) -> list[Fact]:
    """The figures of a run that has started."""
    rows: list[Fact] = []
    seconds = left_s(summary, step, eta_s) if status.state.is_alive else None
    if status.state.is_alive:
        left = (
            tr("about {duration}").format(duration=duration_text(seconds)) if seconds is not None and step else UNKNOWN
        )
        rows.append((tr("Time left"), left, tr("To the end, with evaluations and checkpoints; less if it ends early")))
    spent = duration_text(summary.seconds) if summary.seconds >= 1 else UNKNOWN
    rows.append((tr("Time spent"), spent, tr("Without pauses and stops")))
    epoch = epoch_text(summary, step)
    if epoch:
        rows.append((tr("Epoch"), epoch, tr("How often all of the data was seen")))
    if summary.best_val_loss is not None:
        at = (
            tr(" at step {best_step}").format(best_step=figure(summary.best_step))
            if summary.best_step is not None
            else ""
        )
        rows.append((tr("Best"), f"{loss_text(summary.best_val_loss)}{at}", tr("Lowest loss on validation text")))
    elif summary.loss is not None:
        rows.append((tr("Loss"), loss_text(summary.loss), tr("On the training data; nothing is kept for validation")))
    saved = (
        tr("step {saved_step}").format(saved_step=figure(status.saved_step))
        if status.saved_step is not None
        else UNKNOWN
    )
    rows.append((tr("Saved"), saved, tr("The last checkpoint: you can chat with it, and resume the run from it")))
    return rows


def epoch_text(summary: RunSummary, step: int) -> str:
    """The epochs so far and in total; "" if the length was given in steps."""
    if summary.config.get("steps") or not summary.total_steps:
        return ""
    epochs = float(summary.config.get("epochs") or 1.0)
    return tr("{epochs} of {total}").format(
        epochs=figure(epochs * step / summary.total_steps, ".1f"), total=figure(epochs, "g")
    )


def settings(summary: RunSummary) -> list[Fact]:
    """The settings that matter most."""
    config = summary.config
    part = tr("a new model") if config.get("preset") else part_text(config)
    rows: list[Fact] = [(tr("Trains"), part, tr("The part of the model that changes"))]
    if config.get("steps"):
        rows.append((tr("Length"), tr("{steps} steps").format(steps=figure(config["steps"])), tr("As set up")))
    else:
        epochs = float(config.get("epochs") or 1.0)
        rows.append(
            (
                tr("Length"),
                tr("1 epoch") if epochs == 1 else tr("{epochs} epochs").format(epochs=figure(epochs, "g")),
                tr("How often all data is seen"),
            )
        )
    rows.append(
        (
            tr("Learning rate"),
            figure(float(config.get("lr") or 3e-4), "g"),
            tr("The highest; it rises to it and falls again"),
        )
    )
    batch, accumulate = config.get("batch_size") or 8, config.get("accumulate") or 1
    rows.append(
        (tr("Batch"), f"{batch} × {accumulate}" if accumulate > 1 else str(batch), tr("Windows of text in a step"))
    )
    if summary.device:
        place, _, precision = summary.device.partition(" (")[0].rpartition(", ")
        rows.append((tr("Runs on"), place or precision, summary.device))
        rows.append((tr("Precision"), precision if place else UNKNOWN, tr("Of the numbers in matrix products")))
    return rows


def part_text(config: Mapping[str, Any]) -> str:
    """What is trained, in words."""
    if rank := config.get("lora_rank"):
        return tr("LoRA adapter of rank {rank}").format(rank=rank)
    if blocks := config.get("last_blocks"):
        return tr("the last block") if blocks == 1 else tr("the last {blocks} blocks").format(blocks=blocks)
    return tr("all weights")


def data_lines(summary: RunSummary) -> tuple[str, str]:
    """Names of the data files for one line, and their paths for a tooltip."""
    more = len(summary.data) - 1
    text = tr("{data} + {more} more").format(data=summary.data[0], more=more) if more > 0 else "".join(summary.data)
    places = (split_shown(str(source)) for source in summary.config.get("data") or ())
    return text, "\n".join(path + shown for path, shown in places)


def has_checkpoint(summary: RunSummary | None, status: RunStatus) -> bool:
    """Whether there is a checkpoint to chat with."""
    return status.saved_step is not None or (summary is not None and bool(summary.best_step))


def remedy_text(status: RunStatus) -> str:
    """What to do about a run that failed, died or is gone."""
    if status.state is RunState.MISSING:
        return tr("It was moved or deleted, perhaps by another program. The run cannot be shown any more.")
    if status.saved_step is None:
        return tr("Nothing had been saved yet: Resume starts again with the same settings.")
    return tr("Everything up to step {saved_step} is saved: Resume continues from there.").format(
        saved_step=figure(status.saved_step)
    )


def suggested_model_name(name: str) -> str:
    """A model name from the name of a run, valid as a folder name on every system."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name.strip().lower())
    return "-".join(part for part in kept.split("-") if part).strip(".") or "my-model"


def folder_text(folder: Path) -> str:
    """A folder as the user would type it."""
    try:
        return f"~/{folder.relative_to(Path.home())}"
    except ValueError:
        return str(folder)
