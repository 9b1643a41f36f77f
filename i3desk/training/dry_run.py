"""Measure the run on this machine with `i3core train --dry-run --measure`, soon after the last change.

Only a change of settings that affect speed or memory starts another dry run. It always plans one epoch, so that its
number of steps is that of an epoch; the length of the run is computed from it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.system.temporary import temporary_folder
from i3core.training.timings import Timings
from i3desk.language import tr
from i3desk.workers.core_process import CoreProcess, plain

WAIT_MS = 500
MOST_KEPT = 16
# Settings that affect neither speed nor memory.
WITHOUT_EFFECT = (
    "steps", "epochs", "lr", "warmup_steps", "decay_share", "min_lr_share", "weight_decay", "beta2", "grad_clip",
    "patience", "eval_every", "checkpoint_every", "log_every", "track", "track_artifacts", "seed", "out",
)  # fmt: skip


@dataclass(frozen=True)
class DryRunResult:
    """The result of a dry run.

    Attributes:
        started: the JSON of Started, with an epoch's steps as `total_steps`; None if the run was refused before.
        timings: measured; None if they were not.
        warnings: (kind, what, remedy) of each.
        refusal: why the run cannot start, in one line; empty if it can.
    """

    started: dict[str, Any] | None = None
    timings: Timings | None = None
    warnings: tuple[tuple[str, str, str], ...] = ()
    refusal: str = ""


def dry_run_config(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of `config` that affect a dry run."""
    kept = {key: value for key, value in config.items() if key not in WITHOUT_EFFECT}
    return kept | ({} if config.get("eval_every", 1) else {"eval_every": 0})


class DryRun(QObject):
    """Measures the configuration that was requested last.

    Signals:
        changed: emitted when there is a result, or another configuration is being measured.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = temporary_folder("dry-run")
        self._known: OrderedDict[str, DryRunResult] = OrderedDict()
        self._wanted: str | None = None
        self._running: str | None = None  # what the child measures; None if its result is no longer wanted
        self._found = DryRunResult()
        self._process = CoreProcess(tr("dry run"), self)
        self._process.tell(self._on_reported, self._on_finished, self._on_failed)
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._start)

    @property
    def measuring(self) -> bool:
        """Whether the result of the last request is still pending."""
        return self._wanted is not None and self._wanted not in self._known

    def ask(self, config: dict[str, Any] | None) -> None:
        """Measure this configuration soon; None cancels."""
        wanted = None if config is None else json.dumps(dry_run_config(config), sort_keys=True)
        if wanted == self._wanted:
            return
        self._wanted = wanted
        self._timer.stop()
        if self._running not in (None, wanted):
            self._running = None
            self._process.end()
        if self.measuring and self._running is None:
            self._timer.start()
        self.changed.emit()

    def result(self, config: dict[str, Any]) -> DryRunResult | None:
        """The result for this configuration, if known."""
        return self._known.get(json.dumps(dry_run_config(config), sort_keys=True))

    def shut_down(self) -> None:
        """End the child at once. Only after the event loop: it blocks."""
        self._timer.stop()
        self._wanted = None
        self._process.kill()
        self._folder.cleanup()

    @Slot()
    def _start(self) -> None:
        if self._wanted is None or not self.measuring or self._process.running:  # its end starts the next
            return
        self._running, self._found = self._wanted, DryRunResult()
        file = Path(self._folder.name) / "dry-run.json"
        content = {"eval_every": 1} | json.loads(self._wanted) | {"out": str(file.with_name("run"))}
        file.write_text(json.dumps(content), encoding="utf-8")
        # At low priority, as the run itself will be started.
        self._process.start(["train", "--dry-run", "--measure", "--low-priority", "--json", "--config", str(file)])

    @Slot(object)
    def _on_reported(self, line: dict[str, Any]) -> None:
        found, event = self._found, line.get("event")
        if event == "warned":
            warning = (str(line.get("kind", "")), str(line.get("what", "")), str(line.get("remedy", "")))
            self._found = DryRunResult(found.started, found.timings, (*found.warnings, warning))
        elif event == "started":
            self._found = DryRunResult(line, found.timings, found.warnings)
        elif event == "measured":
            keys = ("step_s", "evaluation_s", "sample_s", "checkpoint_s")
            timings = Timings(*(float(line.get(key) or 0) for key in keys))
            self._found = DryRunResult(found.started, timings, found.warnings)

    @Slot()
    def _on_finished(self) -> None:
        self._end(self._found)

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        found = self._found
        self._end(DryRunResult(found.started, found.timings, found.warnings, plain(what)))

    def _end(self, found: DryRunResult) -> None:
        if self._running is not None:
            self._known[self._running] = found
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        self._running = None
        if self.measuring and not self._timer.isActive():
            self._start()
        self.changed.emit()
