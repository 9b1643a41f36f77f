"""Texts about a run: its state, its figures, its model and data."""

from __future__ import annotations

from pathlib import Path

from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.humanize import duration_text, when_text
from i3desk.language import figure, localised, tr

NONE = "–"
STATE_WORDS = {
    RunState.QUEUED: tr("waiting"),
    RunState.STARTING: tr("starting"),
    RunState.RUNNING: tr("running"),
    RunState.PAUSED: tr("paused"),
    RunState.STOPPING: tr("stopping"),
    RunState.FINISHED: tr("finished"),
    RunState.INTERRUPTED: tr("stopped"),
    RunState.FAILED: tr("failed"),
    RunState.DIED: tr("ended unexpectedly"),
    RunState.MISSING: tr("folder is gone"),
}
_TONES = {
    RunState.QUEUED: "warn",
    RunState.STARTING: "accent",
    RunState.RUNNING: "accent",
    RunState.PAUSED: "warn",
    RunState.STOPPING: "accent",
    RunState.FINISHED: "ok",
    RunState.INTERRUPTED: "muted",
    RunState.FAILED: "bad",
    RunState.DIED: "bad",
    RunState.MISSING: "muted",
}
_WITH_SHARE = (RunState.RUNNING, RunState.PAUSED, RunState.STOPPING, RunState.INTERRUPTED)


def tone_of(state: RunState) -> str:
    """The colour token of a state."""
    return _TONES[state]


def state_text(summary: RunSummary) -> str:
    """The state, with the share that is done unless it is all: "running 62 %"."""
    state, words = summary.status.state, STATE_WORDS[summary.status.state]
    if state in _WITH_SHARE and summary.total_steps > 0:
        # Rounded down: "100 %" would mean finished.
        words += f" {min(99, 100 * summary.step // summary.total_steps)} %"
    return words + silence_text(summary.status)


def silence_text(status: RunStatus) -> str:
    """What follows the state of a trainer that seems to hang: ", no sign of life for 3 min"."""
    return (
        tr(", no sign of life for {duration}").format(duration=duration_text(60 * status.silent_minutes))
        if status.silent_minutes
        else ""
    )


def progress_text(summary: RunSummary) -> str:
    """The progress: "step 310 of 500"."""
    if not summary.total_steps:
        return tr("step {step}").format(step=figure(summary.step)) if summary.step else ""
    return tr("step {step} of {total_steps}").format(step=figure(summary.step), total_steps=figure(summary.total_steps))


def model_text(summary: RunSummary) -> str:
    """The base model, or "tiny from scratch"."""
    if summary.model and not summary.config.get("preset"):
        return summary.model
    preset = str(summary.config.get("preset") or "")
    return tr("{preset} from scratch").format(preset=preset) if preset else summary.model


def data_text(summary: RunSummary) -> str:
    """The first data file and the number of others."""
    if not summary.data:
        return ""
    more = len(summary.data) - 1
    return summary.data[0] + (tr(" + {more} more").format(more=more) if more else "")


def made_of_text(summary: RunSummary) -> str:
    """Model and data on one line: "i3-mini ← pirate.jsonl"."""
    return " ← ".join(part for part in (model_text(summary), data_text(summary)) if part)


def loss_text(value: float | None) -> str:
    """A loss with two decimals, or three digits if it is small."""
    if value is None or value != value:
        return NONE
    return localised(f"{value:.2f}" if abs(value) >= 0.1 else figure(value, ".3g"))


def best_of(summary: RunSummary) -> tuple[float | None, str]:
    """The loss that runs are ranked by, and its name: of validation if there is one, else the last of training."""
    if summary.best_val_loss is not None:
        return summary.best_val_loss, tr("best loss")
    return (None, "") if summary.loss is None else (summary.loss, tr("training loss"))


def spent_text(seconds: float) -> str:
    """The time that the run has spent."""
    return duration_text(seconds) if seconds > 0 else NONE


def started_text(moment: float) -> str:
    """When the run was started."""
    return when_text(moment) if moment > 0 else ""


def accessible_text(summary: RunSummary) -> str:
    """A row of the list for screen readers."""
    loss, which = best_of(summary)
    parts = [summary.name, state_text(summary), made_of_text(summary).replace(" ← ", f" {tr('trained on')} ")]
    if loss is not None:
        parts.append(f"{which} {loss_text(loss)}")
    if summary.seconds > 0:
        parts.append(tr("{spent} spent").format(spent=spent_text(summary.seconds)))
    parts.append(started_text(summary.started))
    return ", ".join(part for part in parts if part)


def trouble_text(status: RunStatus) -> str:
    """Why a run failed; "" if it did not."""
    if status.error:
        return status.error
    if status.state is RunState.DIED:
        return tr("The training process ended without a message.")
    return tr("The run failed.") if status.state is RunState.FAILED else ""


def is_ours(folder: Path, runs_folder: Path | None) -> bool:
    """Whether a run is in the program's own runs folder."""
    return runs_folder is not None and folder.resolve().is_relative_to(runs_folder.resolve())
