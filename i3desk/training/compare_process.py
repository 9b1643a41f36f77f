"""The child process `i3core compare`, in which two models answer the same prompts."""

from __future__ import annotations

import json

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.language import tr
from i3desk.workers.core_process import CoreProcess, plain

BOTH = -1  # in place of a model's number


class CompareProcess(QObject):
    """Starts with the first prompt, and keeps the models until `end`. Prompts are counted from 0 in each process.

    Signals:
        ready: emitted when both models are loaded.
        said(prompt, model, text): emitted for each piece of an answer.
        answered(prompt, model): emitted when an answer is complete.
        refused(prompt, model, what, remedy): emitted if there will be no answer; `model` may be BOTH.
        failed(what): emitted when the process ended, and with it all answers.
    """

    ready = Signal()
    said = Signal(int, int, str)
    answered = Signal(int, int)
    refused = Signal(int, int, str, str)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: CoreProcess | None = None
        self._ending: list[CoreProcess] = []
        self._models: tuple[str, str] = ("", "")
        self._count = 0
        self.is_ready = False

    @property
    def running(self) -> bool:
        """Whether a process has the models loaded, or has not ended yet."""
        return self._process is not None or bool(self._ending)

    def use(self, base: str, tuned: str) -> None:
        """Compare these models (folders or names) from the next prompt on."""
        self.end()
        self._models = (base, tuned)

    def ask(self, prompt: str, seed: int, temperature: float, max_new_tokens: int) -> int:
        """Queue a prompt for both models; returns its number."""
        process = self._process or self._start()
        settings = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
        number, self._count = self._count, self._count + 1
        process.say(json.dumps({"prompt": prompt, **settings}))
        return number

    @Slot()
    def end(self) -> None:
        """Unload the models; unfinished answers are dropped without a signal."""
        process, self._process = self._process, None
        if process is not None:
            process.reported.disconnect(self._on_reported)
            self._ending.append(process)
            process.end()

    def shut_down(self) -> None:
        """End the processes at once. Blocks for a moment."""
        self.end()
        for process in self._ending:
            process.kill()
            process.deleteLater()
        self._ending.clear()

    def _start(self) -> CoreProcess:
        self._count, self.is_ready = 0, False
        process = self._process = CoreProcess("comparison", self)
        process.tell(self._on_reported, self._on_finished, self._on_failed)
        process.start(["compare", *self._models, "--json"])
        return process

    @Slot(object)
    def _on_reported(self, report: dict) -> None:
        if report.get("event") == "ready":
            self.is_ready = True
            self.ready.emit()
            return
        prompt, model = report.get("prompt"), report.get("model", BOTH)
        if not isinstance(prompt, int) or model not in (0, 1, BOTH):
            return
        if "error" in report:
            self.refused.emit(prompt, model, str(report["error"]), str(report.get("remedy") or ""))
        elif report.get("done"):
            self.answered.emit(prompt, model)
        elif "text" in report:
            self.said.emit(prompt, model, str(report["text"]))

    @Slot()
    def _on_finished(self) -> None:
        self._on_failed(tr("The comparison ended by itself."))

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        process = self.sender()
        assert isinstance(process, CoreProcess)
        process.deleteLater()
        if process in self._ending:
            self._ending.remove(process)
        elif process is self._process:
            self._process, self.is_ready = None, False
            self.failed.emit(plain(what))
