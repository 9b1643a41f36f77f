"""What the panel of a run shows, derived from what is known of the run. Plain Python, without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from i3core.runs.reader import MetricsPart, RunState, RunStatus, RunSummary
from i3desk.language import figure, tr, trn
from i3desk.runs.labels import silence_text, trouble_text
from i3desk.training import run_labels

if TYPE_CHECKING:
    from i3desk.widgets.facts import Fact


class RunAction(Enum):
    """What the user can do with a run."""

    PAUSE = "pause"
    UNPAUSE = "unpause"
    STOP = "stop"
    RESUME = "resume"
    CHECKPOINT = "checkpoint"
    SAMPLE = "sample"
    CHAT = "chat"
    COMPARE = "compare"
    EXPORT = "export"
    NEW = "new"
    OPEN = "open"
    KILL = "kill"
    DELETE = "delete"


@dataclass(frozen=True)
class ButtonState:
    """How a button looks; `primary` marks the one that most users press next."""

    text: str
    tooltip: str
    visible: bool = True
    enabled: bool = True
    primary: bool = False


@dataclass(frozen=True)
class ControlsState:
    """The buttons under a run.

    Attributes:
        pause_action: PAUSE or UNPAUSE, which share a button.
        menu: the actions that the menu shows.
        has_menu: False if there is nothing left to do with the run.
        can_delete: whether "Delete…" in the menu is enabled.
    """

    chat: ButtonState
    compare: ButtonState
    export: ButtonState
    pause: ButtonState
    stop: ButtonState
    resume: ButtonState
    new: ButtonState
    pause_action: RunAction
    menu: frozenset[RunAction]
    has_menu: bool
    can_delete: bool


@dataclass(frozen=True)
class ProgressState:
    """How far the run is: a title, a share, a bar from 0 to `maximum`, and figures. `busy` replaces the bar."""

    title: str
    share: str
    busy: bool
    value: int
    maximum: int
    figures: tuple[Fact, ...]


@dataclass(frozen=True)
class WaitingState:
    """What a queued run waits for, and what leaving the queue does."""

    text: str
    leave_tooltip: str


@dataclass(frozen=True)
class TroubleState:
    """Why a run failed, died or is gone, the end of its log, and what to do."""

    title: str
    what: str
    log_tail: str
    remedy: str


@dataclass(frozen=True)
class Remark:
    """A line under the figures; a `passing` one disappears after some seconds."""

    text: str = ""
    passing: bool = False


class RunViewModel:
    """The state of the panel while it shows one run.

    Attributes:
        summary: what the list of runs knows; None before it was read.
        status: the newest state, which may be newer than that of the summary.
        pending_command: "pause", "resume" or "stop" while the run has not followed it yet, else "".
        step, eta_s: as last logged; the log is finer than the status, which is written every few seconds.
        remark: the answer to what the user did last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: RunSummary | None = None
        self.status = RunStatus(RunState.STARTING)
        self.pending_command = ""
        self.step = 0
        self.eta_s: float | None = None
        self.remark = Remark()
        self._checkpoint_from: int | None = None  # the step at which a checkpoint was requested

    # ------------------------------------------------------------------------------------------------------ inputs

    def update_status(self, status: RunStatus) -> None:
        """Take a newer state."""
        if status.state is RunState.STARTING and not self.status.state.is_alive:
            self.eta_s = None  # of the time before it was resumed
        self.status = status
        ended = status.state in (RunState.FINISHED, RunState.INTERRUPTED)
        self.step = status.step if ended else max(self.step, status.step)
        self._check_saved()

    def update_summary(self, summary: RunSummary) -> None:
        """Take a newer summary, and the state in it."""
        self.summary = summary
        self.step = max(self.step, summary.step) if summary.status.state.is_alive else summary.step
        self.update_status(summary.status)

    def add_metrics(self, part: MetricsPart) -> bool:
        """Take the newest logged step; returns whether there is one."""
        if part.restarted:
            self.step, self.eta_s = 0, None
        if not len(part.steps["step"]):
            return False
        self.step = int(part.steps["step"][-1])
        eta_s = float(part.steps["eta_s"][-1])
        self.eta_s = None if eta_s != eta_s else eta_s
        return True

    def request_checkpoint(self) -> None:
        """The user asked for a checkpoint: a remark says so until it is saved."""
        self._checkpoint_from = self.step
        self.remark = Remark(tr("Saving after this step…"))
        self._check_saved()

    def request_sample(self) -> None:
        """The user asked for answers."""
        self.remark = Remark(tr("The answers come after this step…"), passing=True)

    def request_resume(self) -> None:
        """The user resumed the run: the time left is unknown again."""
        self.eta_s = None

    def clear_remark(self) -> None:
        """The passing remark has been there long enough."""
        self.remark = Remark()

    def _check_saved(self) -> None:
        saved = self.status.saved_step
        if self._checkpoint_from is None:
            return
        if saved is not None and saved >= self._checkpoint_from:
            self._checkpoint_from = None
            self.remark = Remark(tr("Saved at step {saved}.").format(saved=figure(saved)), passing=True)
        elif not self.status.state.is_alive:
            self._checkpoint_from = None
            self.remark = Remark()

    # ----------------------------------------------------------------------------------------------------- outputs

    @property
    def current_summary(self) -> RunSummary | None:
        """The summary with the newest state: the run may have ended since it was listed."""
        return None if self.summary is None else replace(self.summary, status=self.status)

    @property
    def state_text(self) -> str:
        """The state in words; a pending command comes first."""
        return run_labels.state_words(self.status.state, self.pending_command)[0] + silence_text(self.status)

    @property
    def state_token(self) -> str:
        """The colour token of the state."""
        return run_labels.state_words(self.status.state, self.pending_command)[1]

    @property
    def notices(self) -> list[tuple[str, str, bool]]:
        """Warnings of the run, the newest first, as (what, remedy, whether it is fatal)."""
        return [(what, remedy, False) for what, remedy in reversed(self.status.warnings)]

    @property
    def progress(self) -> ProgressState | None:
        """How far the run is; None for one that has not started."""
        state, summary, step = self.status.state, self.summary, self.step
        if state in (RunState.QUEUED, RunState.MISSING) or not (state.is_alive or step > 0):
            return None
        starting = state is RunState.STARTING
        total = summary.total_steps if summary is not None else 0
        maximum = max(1, min(total, 2**31 - 1))
        value = min(step, maximum) if total else 0
        if starting and not step:
            note = self.status.note or tr("Starting")
            title = note[:1].upper() + note[1:] + ("" if note.endswith("…") else "…")
            return ProgressState(title, "", starting, value, maximum, ())
        title = (
            tr("Step {step} of {total}").format(step=figure(step), total=figure(total))
            if total
            else tr("Step {step}").format(step=figure(step))
        )
        figures = () if summary is None else tuple(run_labels.figures(summary, self.status, step, self.eta_s))
        return ProgressState(title, run_labels.done_text(step, total), starting, value, maximum, figures)

    def waiting(self, runs: Sequence[RunSummary]) -> WaitingState | None:
        """What the run waits for among all `runs`; None if it is not queued."""
        if self.status.state is not RunState.QUEUED:
            return None
        active = next((each for each in runs if each.status.state.is_alive), None)
        queued = [each for each in runs if each.status.state is RunState.QUEUED and each.folder != self.folder]
        since = self.summary.started if self.summary is not None else float("inf")
        before = sum(each.started < since for each in queued)
        others = (
            trn(", and for one other run before it", ", and for {n} other runs before it", before) if before else ""
        )
        text = (
            tr("Waits for “{name}” to end{others}.").format(name=active.name, others=others)
            if active
            else tr("Starts in a moment{others}.").format(others=others)
        )
        is_new = self.summary is None or not self.summary.step
        leave = (
            tr("Do not start this run; it is deleted, and kept for 30 days") if is_new else tr("Leave the run as it is")
        )
        return WaitingState(text, leave)

    @property
    def trouble(self) -> TroubleState | None:
        """What went wrong; None if nothing did."""
        titles = {
            RunState.FAILED: tr("The run failed"),
            RunState.DIED: tr("The run ended unexpectedly"),
            RunState.MISSING: tr("The folder of this run is gone"),
        }
        state = self.status.state
        if state not in titles:
            return None
        what = run_labels.folder_text(self.folder) if state is RunState.MISSING else trouble_text(self.status)
        return TroubleState(titles[state], what, self.status.log_tail.strip(), run_labels.remedy_text(self.status))

    @property
    def controls(self) -> ControlsState:
        """What can be done with the run now."""
        has_base = self.summary is not None and bool(self.summary.config.get("model"))
        has_checkpoint = run_labels.has_checkpoint(self.summary, self.status)
        return controls_state(self.status.state, self.pending_command, has_checkpoint, has_base)


def controls_state(state: RunState, pending_command: str, has_checkpoint: bool, has_base: bool) -> ControlsState:
    """Which buttons are shown, enabled and primary in a state, until `pending_command` is fulfilled."""
    alive, working = state.is_alive, state in (RunState.RUNNING, RunState.PAUSED)
    can_chat = has_checkpoint and not alive and state not in (RunState.QUEUED, RunState.MISSING)
    ended_early = state.can_resume and state is not RunState.INTERRUPTED
    menu = {RunAction.OPEN, RunAction.DELETE}
    menu |= {RunAction.CHECKPOINT, RunAction.SAMPLE} if working else set()
    menu |= {RunAction.NEW, RunAction.KILL} if alive else set()
    menu |= {RunAction.EXPORT} if alive and has_checkpoint else set()
    menu |= {RunAction.COMPARE} if alive and has_checkpoint and has_base else set()
    return ControlsState(
        chat=ButtonState(
            tr("Chat with this model"),
            tr("Chat with the model of this run"),
            can_chat or working,
            primary=can_chat and not ended_early,
        ),
        compare=ButtonState(
            tr("Compare with base"), tr("Answer one prompt before and after the training"), can_chat and has_base
        ),
        export=ButtonState(tr("Keep as model…"), tr("Make a model of this run, under a name of its own"), can_chat),
        pause=_pause_button(state, pending_command),
        stop=_stop_button(state, pending_command),
        resume=ButtonState(
            tr("Resume"),
            tr("Continue from the last checkpoint") if has_checkpoint else tr("Start again with the first step"),
            state.can_resume,
            primary=state.can_resume and (ended_early or not can_chat),
        ),
        new=ButtonState(tr("New training"), tr("Set up another run"), not alive, primary=state is RunState.MISSING),
        pause_action=RunAction.UNPAUSE if state is RunState.PAUSED else RunAction.PAUSE,
        menu=frozenset(menu),
        has_menu=state is not RunState.MISSING,
        can_delete=not alive,
    )


def _pause_button(state: RunState, pending_command: str) -> ButtonState:
    stopping = _is_stopping(state, pending_command)
    paused = state is RunState.PAUSED
    text, tooltip = (tr("Resume"), tr("Continue")) if paused else (tr("Pause"), tr("Save, and wait"))
    if pending_command == "pause":
        text, tooltip = tr("Pausing…"), tr("It saves first")
    elif pending_command == "resume":
        text, tooltip = tr("Resuming…"), tr("In a moment")
    enabled = not stopping and not pending_command and state is not RunState.STARTING
    return ButtonState(text, tooltip, state.is_alive, enabled, primary=paused and not pending_command and not stopping)


def _stop_button(state: RunState, pending_command: str) -> ButtonState:
    stopping = _is_stopping(state, pending_command)
    text = tr("Stopping…") if stopping else tr("Save and stop")
    return ButtonState(text, tr("Save, and end; it can be resumed"), state.is_alive, not stopping)


def _is_stopping(state: RunState, pending_command: str) -> bool:
    return pending_command == "stop" or state is RunState.STOPPING
