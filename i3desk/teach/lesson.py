"""A lesson: a short training run on corrections and general text, and its outcome."""

from __future__ import annotations

import enum
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3core.errors import I3Error
from i3core.runs.events import Evaluated, Sampled
from i3core.runs.outcome import outcome_text
from i3core.runs.reader import MetricsPart, RunState, RunStatus
from i3core.text.normalization import normalized
from i3desk.language import tr, trn
from i3desk.runs.controller import RunController
from i3desk.runs.watcher import RunWatcher
from i3desk.teach.corrections import Correction
from i3desk.teach.lesson_data import LessonPlan, plan_lesson, steps_for
from i3desk.workers.background import BackgroundJobs


class LessonState(enum.Enum):
    """The state of a lesson."""

    NONE = "none"
    STARTING = "starting"  # or waiting for another run
    TEACHING = "teaching"
    TAUGHT = "taught"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a lesson.

    Attributes:
        answers: (prompt, answer before, answer after) for the questions of the corrections.
        near: the same for questions near the corrected ones.
        evaluated: the last evaluation; None before it.
        spoiled: near questions that are now answered with a correction.
    """

    answers: tuple[tuple[str, str, str], ...]
    near: tuple[tuple[str, str, str], ...] = ()
    evaluated: Evaluated | None = None
    spoiled: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What the lesson did, and what to do if it did harm."""
        if self.spoiled:
            count = len(self.spoiled)
            return trn(
                "Taught, but another question is now answered with a correction: undo it, or correct that answer too.",
                "Taught, but {n} other questions are now answered with a correction: undo it, or correct that "
                "answer too.",
                count,
            )
        text, is_good = outcome_text(self.evaluated) if self.evaluated else ("", True)
        if not is_good:
            return tr("Taught. {outcome} Undo it if that is too little.").format(
                outcome=text.partition(" To mend it")[0]
            )
        return tr("Taught. {text}").format(text=text).strip()

    @property
    def did_harm(self) -> bool:
        """Whether undoing should be offered first."""
        return bool(self.spoiled) or (self.evaluated is not None and not outcome_text(self.evaluated)[1])


class Lesson(QObject):
    """Teaches corrections to a model in a run, which is also listed on the Runs page.

    Attributes:
        state: the state.
        taught: the corrections of the lesson.
        folder: the run folder; None before the first lesson.
        base: the folder of the base model; None for the bundled one.
        step, total_steps: the progress.
        error: what and remedy, if it failed.
        note: what it is waiting for.
    Signals:
        changed: Emitted when an attribute has changed.
        done(checkpoint folder): Emitted when the model has been trained; see `outcome`.
    """

    changed = Signal()
    done = Signal(str)

    def __init__(
        self, runs: RunController, background: BackgroundJobs, folder: Path, parent: QObject | None = None
    ) -> None:
        """`folder` has the data of the lessons."""
        super().__init__(parent)
        self._runs, self._data_folder = runs, folder
        self._background = background
        self._planning: int | None = None  # number of the background job while a lesson is planned
        self._watch = RunWatcher(background, self)
        self._watch.status_changed.connect(self._on_status)
        self._watch.metrics_read.connect(self._on_metrics)
        self._watch.samples_read.connect(self._on_samples)
        self._samples: list[Sampled] = []
        self._evaluations: list[Evaluated] = []
        self._near: tuple[str, ...] = ()
        self.state = LessonState.NONE
        self.taught: tuple[Correction, ...] = ()
        self.folder: Path | None = None
        self.base: str | None = None
        self.step, self.total_steps = 0, 0
        self.error = ("", "")
        self.note = ""

    @property
    def is_running(self) -> bool:
        """True while a lesson is starting or running."""
        return self.state in (LessonState.STARTING, LessonState.TEACHING)

    def start(self, corrections: Sequence[Correction], base: str | None) -> None:
        """Teach corrections to the model in folder `base` (None: the bundled one)."""
        self.taught, self.base = tuple(corrections), base
        self.step, self.total_steps, self.note = 0, steps_for(len(corrections)), ""
        self._samples, self._evaluations = [], []
        self.state, self.folder, folder = LessonState.STARTING, None, self._data_folder / f"{time.time_ns()}"
        plan = partial(plan_lesson, self.taught, base, folder)
        self._planning = self._background.run(plan, self._on_planned, self._on_not_planned)
        self.changed.emit()

    def _on_planned(self, plan: LessonPlan) -> None:
        self._planning, self._near = None, plan.near
        self.folder = self._runs.start(plan.config, "taught")
        if self.folder is None:
            self._fail(tr("The lesson could not start."), tr("Free some disk space and try again."))
            return
        self._watch.watch(self.folder)
        self.changed.emit()

    def _on_not_planned(self, error: I3Error) -> None:
        self._planning = None
        self._fail(error.what, error.remedy)

    def stop(self) -> None:
        """Stop the lesson; the model stays unchanged."""
        if self._planning is not None:
            self._background.forget(self._planning)
            self._planning = None
            self._end(LessonState.NONE)
        elif self.is_running and self.folder is not None:
            if self.state is LessonState.STARTING and self.note:
                self._runs.leave_queue(self.folder)
            else:
                self._runs.stop(self.folder)
            self._end(LessonState.NONE)

    def forget(self) -> None:
        """Close the outcome."""
        if not self.is_running:
            self._end(LessonState.NONE)

    def shut_down(self) -> None:
        """Stop watching the run, before the window closes."""
        self._watch.watch(None)

    def outcome(self) -> Outcome:
        """The outcome so far."""
        samples: dict[str, list[str]] = {}
        for sample in self._samples:
            samples.setdefault(sample.prompt, []).append(sample.text)
        known = {prompt: (prompt, texts[0], texts[-1]) for prompt, texts in samples.items() if len(texts) > 1}
        near = tuple(known[prompt] for prompt in self._near if prompt in known)
        corrections = {normalized(entry.correction) for entry in self.taught}
        answers = tuple(answer for prompt, answer in known.items() if prompt not in self._near)
        evaluated = self._evaluations[-1] if len(self._evaluations) > 1 else None
        if evaluated is not None and answers:  # the trainer asks near questions too, which are no answers of the user's
            right = sum(normalized(after) in corrections for _, _, after in answers)
            evaluated = replace(evaluated, questions=len(answers), questions_right=right)
        return Outcome(
            answers,
            near,
            evaluated,
            tuple(
                prompt
                for prompt, before, after in near
                if normalized(after) in corrections and normalized(before) != normalized(after)
            ),
        )

    def _end(self, state: LessonState) -> None:
        self._watch.watch(None)
        self.state = state
        self.changed.emit()

    def _fail(self, what: str, remedy: str) -> None:
        self.error = (what, remedy)
        self._end(LessonState.FAILED)

    @Slot(object)
    def _on_status(self, status: RunStatus) -> None:
        if not self.is_running or self.folder is None:
            return
        state = status.state
        if state is RunState.FINISHED:
            folder = self.folder / "checkpoints" / "last"
            self.step = self.total_steps
            self._end(LessonState.TAUGHT)
            self.done.emit(str(folder))
        elif state is RunState.INTERRUPTED:
            self._end(LessonState.NONE)
        elif state in (RunState.FAILED, RunState.DIED, RunState.MISSING):
            self._fail(
                status.error or tr("The run of the lesson no longer exists."),
                tr("Your corrections are kept: teach them again."),
            )
        else:
            self.step = status.step
            self.note = self._waits_for() if state is RunState.QUEUED else ""
            started = state in (RunState.RUNNING, RunState.PAUSED, RunState.STOPPING)
            self.state = LessonState.TEACHING if started else LessonState.STARTING
            self.changed.emit()

    def _waits_for(self) -> str:
        other = self._runs.active
        return (
            tr("waits until the run “{name}” has ended").format(name=other.name) if other else tr("waits for its turn")
        )

    @Slot(object)
    def _on_metrics(self, part: MetricsPart) -> None:
        self._evaluations += part.evaluations
        if len(part.steps["step"]):
            self.step = int(part.steps["step"][-1])
            self.changed.emit()

    @Slot(bool, object)
    def _on_samples(self, restarted: bool, samples: list[Sampled]) -> None:
        self._samples = samples if restarted else self._samples + samples
