"""All facts about one run, in words. Pure functions, without Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from i3core.net.dataset_name import display_name
from i3core.runs.reader import RunState, RunSummary
from i3desk.humanize import count_text, size_text, when_text
from i3desk.language import figure, tr
from i3desk.runs.labels import loss_text, model_text, progress_text, spent_text

if TYPE_CHECKING:
    from i3desk.widgets.facts import Fact

SHARE_TRAINED = tr("Numbers that this run changes, of all that the model has")
MAX_FILES = 8


def facts_of(summary: RunSummary, description: Mapping[str, Any], size_bytes: int | None) -> list[Fact]:
    """The known facts; `description` is run.json, `size_bytes` is the size of the folder, if counted yet."""
    facts = [
        (tr("Progress"), _steps(summary), ""),
        (tr("Best loss"), _best(summary), tr("The lowest loss on validation text")),
        (tr("Last loss"), loss_text(summary.loss) if summary.loss is not None else "", tr("Of the last training step")),
        (tr("Time spent"), spent_text(summary.seconds) if summary.seconds else "", tr("Without pauses and stops")),
        (tr("Speed"), _speed(summary), tr("Of the last training step")),
        (tr("Started"), when_text(summary.started) if summary.started else "", ""),
        (tr("Resumed"), _resumed(description), tr("When the run continued after a stop or a failure")),
        (tr("Model"), model_text(summary), str(summary.config.get("model") or "")),
        (tr("Parameters"), _parameters(description), SHARE_TRAINED),
        (tr("Data"), *_data(summary, description)),
        (tr("Device"), summary.device, ""),
        (tr("Versions"), _versions(description), tr("The programs that trained it")),
        (
            tr("On the disk"),
            size_text(size_bytes) if size_bytes is not None else "",
            tr("What deleting the run would free"),
        ),
        (tr("Folder"), str(summary.folder), str(summary.folder)),
    ]
    return [fact for fact in facts if fact[1]]


def _steps(summary: RunSummary) -> str:
    saved = summary.status.saved_step
    text = progress_text(summary)
    ended = summary.status.state in (RunState.INTERRUPTED, RunState.FAILED, RunState.DIED)
    if ended and text:
        text += (
            tr(", saved at step {saved}").format(saved=figure(saved)) if saved is not None else tr(", nothing saved")
        )
    return text


def _best(summary: RunSummary) -> str:
    if summary.best_val_loss is None:
        return ""
    text = loss_text(summary.best_val_loss)
    if summary.best_val_loss < 20:  # otherwise the perplexity is meaningless
        text += tr(" (perplexity {exp})").format(exp=figure(math.exp(summary.best_val_loss), ",.1f"))
    return (
        text
        if summary.best_step is None
        else tr("{text} at step {best_step}").format(text=text, best_step=figure(summary.best_step))
    )


def _speed(summary: RunSummary) -> str:
    speed = summary.tokens_per_second
    return tr("{speed} tokens/s").format(speed=figure(speed, ",.0f")) if speed else ""


def _resumed(description: Mapping[str, Any]) -> str:
    moments = [moment for moment in _list(description.get("resumed")) if isinstance(moment, (int, float))]
    return ", ".join(when_text(moment) for moment in moments)


def _parameters(description: Mapping[str, Any]) -> str:
    count, trainable = description.get("parameters"), description.get("trainable")
    if not isinstance(count, int):
        return ""
    if isinstance(trainable, int) and trainable != count:
        return tr("{count} of {total} trained").format(count=count_text(trainable), total=count_text(count))
    return tr("{count}, all trained").format(count=count_text(count))


def _data(summary: RunSummary, description: Mapping[str, Any]) -> tuple[str, str]:
    """The data files with their sizes, a line each; and their full paths."""
    files = [
        (str(entry["file"]), entry.get("bytes"))
        for entry in _list(description.get("data"))
        if isinstance(entry, dict) and entry.get("file")
    ]
    if not files:
        return "\n".join(summary.data), ""
    lines = [
        display_name(file) + (f"  ({size_text(size)})" if isinstance(size, (int, float)) else "")
        for file, size in files
    ]
    if len(lines) > MAX_FILES:
        lines[MAX_FILES - 1 :] = [tr("and {count} more").format(count=len(lines) - MAX_FILES + 1)]
    return "\n".join(lines), "\n".join(file for file, _ in files)


def _versions(description: Mapping[str, Any]) -> str:
    versions = description.get("versions")
    return ", ".join(f"{name} {version}" for name, version in versions.items()) if isinstance(versions, dict) else ""


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
