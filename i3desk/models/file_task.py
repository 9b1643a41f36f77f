"""What is done to a model on the disk, in a child process: verifying its files, copying it into another layout."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3core.checkpoints.model_info import ModelInfo
from i3desk.workers.background import BackgroundJobs
from i3desk.workers.core_process import CoreProcess, plain

DTYPES = ("float32", "float16", "bfloat16")


class FileTask(QObject):
    """One task at a time for one model.

    Attributes:
        doing: what is being done, for example "Verifying the files…"; empty when nothing is.
        result: how the last task ended well; empty if it did not.
        what, remedy: why it failed; empty if it did not.
        target: the folder that the last task wrote; None if it wrote none.
    Signals:
        changed: one of these is another now.
        copied(folder): a copy in another layout is there.
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
        self._process.reported.connect(self._on_reported)
        self._process.finished.connect(self._on_finished)
        self._process.failed.connect(self._on_failed)

    @property
    def running(self) -> bool:
        """Whether something is being done."""
        return self._process.running

    def verify(self, folder: Path) -> None:
        """Compare the files with their checksums, and read the weights."""
        self._start("Verifying the files…", None, ["verify", str(folder), "--json"])

    def convert(self, facts: ModelInfo, folder: Path, target: Path, layout: str) -> None:
        """Copy the model in `folder` to the new folder `target` in the "safetensors" or the "public" layout."""
        arguments = ["convert", str(folder), str(target), "--to", layout, "--json"]
        if layout == "safetensors" and facts.dtype in DTYPES:
            arguments += ["--dtype", facts.dtype]
        self._start(f"Writing {target}…", target, arguments)

    @Slot()
    def stop(self) -> None:
        """End what is being done; a copy that was begun is removed."""
        self._stopping = True
        self._process.end()

    @Slot()
    def dismiss(self) -> None:
        """Forget how the last task ended."""
        self.result = self.what = self.remedy = ""
        self.changed.emit()

    def shut_down(self) -> None:
        """End the child at once and remove a copy that was begun. Only after the event loop: it blocks."""
        unfinished = self.target if self.running else None
        self._process.blockSignals(True)
        self._process.kill()
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)

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
            self.result = f"The copy is in {self.target}."
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
            self._background.run(lambda folder=self.target: shutil.rmtree(folder, ignore_errors=True), lambda _: None)
        self.changed.emit()


def verified_text(report: dict) -> str:
    """What `i3core verify` found, in a sentence."""
    if report.get("checksums"):
        return f"All {report.get('files')} files are as their checksums say, and the weights can be read."
    return "The weights can be read. No checksums are stored with the files to compare them with."
