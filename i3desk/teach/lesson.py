"""A lesson: a short training run on corrections and general text, and its outcome."""

from __future__ import annotations

import enum
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3core.errors import I3Error
from i3core.runs.events import Evaluated, Sampled
from i3core.runs.reader import MetricsPart, RunState, RunStatus
from i3core.system import assets
from i3core.system.files import replaced
from i3desk.runs.controller import RunController
from i3desk.runs.watcher import RunWatcher
from i3desk.teach.corrections import Correction, write_records
from i3desk.workers.background import BackgroundJobs

REPLAYED = "data/small-talk.jsonl"  # conversations that are replayed, so that they are not forgotten
LR = 2e-4
MIN_STEPS, STEPS_EACH, MAX_STEPS = 24, 4, 80
MAX_WEIGHT = 1000
MAX_PROMPTS = 6


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
        general: perplexity of general text before and after; None if unknown.
    """

    answers: tuple[tuple[str, str, str], ...]
    general: tuple[float, float] | None


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
        self._watch = RunWatcher(background, self)
        self._watch.status_changed.connect(self._on_status)
        self._watch.metrics_read.connect(self._on_metrics)
        self._watch.samples_read.connect(self._on_samples)
        self._samples: list[Sampled] = []
        self._evaluations: list[Evaluated] = []
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
        try:
            config = lesson_config(corrections, base, self._data_folder / f"{time.time_ns()}")
        except I3Error as error:
            self._fail(error.what, error.remedy)
            return
        self.folder = self._runs.start(config, "taught")
        if self.folder is None:
            self._fail("The lesson could not start.", "Free some disk space and try again.")
            return
        self.state = LessonState.STARTING
        self._watch.watch(self.folder)
        self.changed.emit()

    def stop(self) -> None:
        """Stop the lesson; the model stays unchanged."""
        if self.is_running and self.folder is not None:
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
        answers: dict[str, list[str]] = {}
        for sample in self._samples:
            answers.setdefault(sample.prompt, []).append(sample.text)
        general = [each.general_perplexity for each in self._evaluations if each.general_perplexity is not None]
        return Outcome(
            tuple((prompt, texts[0], texts[-1]) for prompt, texts in answers.items() if len(texts) > 1),
            (general[0], general[-1]) if len(general) > 1 else None,
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
                status.error or "The run of the lesson no longer exists.",
                "Your corrections are kept: teach them again.",
            )
        else:
            self.step = status.step
            self.note = self._waits_for() if state is RunState.QUEUED else ""
            started = state in (RunState.RUNNING, RunState.PAUSED, RunState.STOPPING)
            self.state = LessonState.TEACHING if started else LessonState.STARTING
            self.changed.emit()

    def _waits_for(self) -> str:
        other = self._runs.active
        return f"waits until the run “{other.name}” has ended" if other else "waits for its turn"

    @Slot(object)
    def _on_metrics(self, part: MetricsPart) -> None:
        self._evaluations += part.evaluations
        if len(part.steps["step"]):
            self.step = int(part.steps["step"][-1])
            self.changed.emit()

    @Slot(bool, object)
    def _on_samples(self, restarted: bool, samples: list[Sampled]) -> None:
        self._samples = samples if restarted else self._samples + samples


def steps_for(count: int) -> int:
    """Number of steps for this many corrections."""
    return min(MAX_STEPS, MIN_STEPS + STEPS_EACH * count)


def lesson_config(corrections: Sequence[Correction], base: str | None, folder: Path) -> dict:
    """Make the training settings of a lesson; its data is written to `folder` and stays, for resuming.

    Half of the training text is corrections, the other half general conversations. Forgetting is measured on the
    trainer's retention set.
    """
    general = assets.path(REPLAYED).read_text(encoding="utf-8")
    taught, replayed = folder / "corrections.jsonl", folder / "general.jsonl"
    write_records(taught, corrections)
    with replaced(replayed) as temporary:
        temporary.write_text(general, encoding="utf-8")
    characters = sum(len(each["content"]) for entry in corrections for each in entry.messages)
    repeated = sum(len(each["content"]) for line in general.splitlines() for each in json.loads(line)["messages"])
    weight = max(1, min(MAX_WEIGHT, round(repeated / max(1, characters))))
    steps = steps_for(len(corrections))
    prompts = list(dict.fromkeys(entry.question for entry in corrections if entry.question.strip()))[-MAX_PROMPTS:]
    return {
        "model": base or assets.BUNDLED_MODEL,
        "data": [f"{taught}:{weight}", str(replayed)],
        "val_share": 0.0,
        "steps": steps,
        "batch_size": 2,
        "lr": LR,
        "warmup_steps": 4,
        "eval_every": steps,
        "checkpoint_every": 0,
        "sample_prompts": prompts,
    }
