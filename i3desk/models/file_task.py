"""Tasks on the files of a model in a child process: verify, copy into another layout."""

from __future__ import annotations

import contextlib
import shutil
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3core.checkpoints.model_info import ModelInfo
from i3core.system.files import UNFINISHED
from i3desk.language import tr
from i3desk.workers.background import BackgroundJobs
from i3desk.workers.core_process import CoreProcess, plain

DTYPES = ("float32", "float16", "bfloat16")


class FileTask(QObject):
    """Runs one task at a time for one model.

    Attributes:
        doing: the running task, such as "Verifying the files…"; empty if none is running.
        result: result of the last task; empty if it failed.
        what, remedy: why it failed; empty if it did not.
        target: folder that the last task wrote; None if it wrote none.
    Signals:
        changed: Emitted when an attribute changed.
        copied(folder): Emitted when a copy in another layout is complete.
    """

    changed = Signal()
    copied = Signal(str)

    def __init__(self, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self.doing = self.result = self.what = self.remedy = ""
        self.target: Path | None = None
        self._report: dict = {}
        self._stopping = False
        self._process = CoreProcess("task", self)
        self._process.tell(self._on_reported, self._on_finished, self._on_failed)

    @property
    def running(self) -> bool:
        """Whether a task is running."""
        return self._process.running

    def verify(self, folder: Path) -> None:
        """Check the files against their checksums, and read the weights."""
        self._start(tr("Verifying the files…"), None, ["verify", str(folder), "--json"])

    def convert(self, facts: ModelInfo, folder: Path, target: Path, layout: str) -> None:
        """Copy a model to the new folder `target` in the layout "safetensors" or "public"."""
        arguments = ["convert", str(folder), str(target), "--to", layout, "--json"]
        if layout == "safetensors" and facts.dtype in DTYPES:
            arguments += ["--dtype", facts.dtype]
        self._start(tr("Writing {target}…").format(target=target), target, arguments)

    @Slot()
    def stop(self) -> None:
        """Stop the task; an unfinished copy is removed."""
        self._stopping = True
        self._process.end()

    @Slot()
    def dismiss(self) -> None:
        """Clear the result of the last task."""
        self.result = self.what = self.remedy = ""
        self.changed.emit()

    def shut_down(self) -> None:
        """Kill the child and remove an unfinished copy. Blocks; call only after the event loop."""
        unfinished = self.target if self.running else None
        self._process.kill()
        if unfinished is not None:
            _remove_unfinished(unfinished)

    def _start(self, doing: str, target: Path | None, arguments: list[str]) -> None:
        if self.running:
            return
        self.target, self._report, self._stopping = target, {}, False
        self.doing, self.result, self.what, self.remedy = doing, "", "", ""
        self._process.start(arguments)
        self.changed.emit()

    @Slot(object)
    def _on_reported(self, report: dict) -> None:
        self._report = report

    @Slot()
    def _on_finished(self) -> None:
        self.doing = ""
        if self.target is not None:
            self.result = tr("Copied to {target}.").format(target=self.target)
            self.copied.emit(str(self.target))
        else:
            self.result = verified_text(self._report)
        self.changed.emit()

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        self.doing = ""
        if not self._stopping:
            self.what = plain(what)
        if self.target is not None:
            self._background.run(partial(_remove_unfinished, self.target), lambda _: None)
        self.changed.emit()


def _remove_unfinished(target: Path) -> None:
    """Remove what a copy left that was ended, and its folder unless it holds anything else."""
    shutil.rmtree(target / UNFINISHED, ignore_errors=True)
    with contextlib.suppress(OSError):
        target.rmdir()


def verified_text(report: dict) -> str:
    """The result of `i3core verify` in a sentence."""
    if report.get("checksums"):
        return tr("All {count} files match their checksums.").format(count=report.get("files"))
    return tr("The weights can be read. There are no checksums to check the files against.")
