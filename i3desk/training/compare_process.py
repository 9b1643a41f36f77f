"""The child process that holds two models and lets both answer a prompt: `i3core compare`."""

from __future__ import annotations

import json

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.workers.core_process import CoreProcess, plain

BOTH = -1  # in place of a model's number


class CompareProcess(QObject):
    """Starts with the first prompt, and holds the models until `end`. Prompts are counted from 0 in each process.

    Signals:
        ready: both are loaded.
        said(prompt, model, text): a piece of an answer.
        answered(prompt, model): an answer is whole.
        refused(prompt, model, what, remedy): there will be no answer; `model` may be BOTH.
        failed(what): the process is gone, and what was under way with it.
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
        """Whether there is a process that holds the models, or one that has not ended yet."""
        return self._process is not None or bool(self._ending)

    def use(self, base: str, tuned: str) -> None:
        """Compare these models, given as folders or names, from the next prompt on."""
        self.end()
        self._models = (base, tuned)

    def ask(self, prompt: str, seed: int, temperature: float, max_new_tokens: int) -> int:
        """Put a prompt to both, after those before; returns its number."""
        if self._process is None:
            self._start()
        settings = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
        number, self._count = self._count, self._count + 1
        self._process.say(json.dumps({"prompt": prompt, **settings}))
        return number

    @Slot()
    def end(self) -> None:
        """Let the models go; no more is told of what was under way."""
        process, self._process = self._process, None
        if process is not None:
            process.reported.disconnect(self._on_reported)
            self._ending.append(process)
            process.end()

    def shut_down(self) -> None:
        """End at once. It blocks for a moment."""
        self.end()
        for process in list(self._ending):
            process.kill()

    def _start(self) -> None:
        self._count, self.is_ready = 0, False
        self._process = CoreProcess("comparison", self)
        self._process.reported.connect(self._on_reported)
        self._process.finished.connect(self._on_finished)
        self._process.failed.connect(self._on_failed)
        self._process.start(["compare", *self._models, "--json"])

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
        self._on_failed("The comparison ended by itself.")

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        process = self.sender()
        process.deleteLater()
        if process in self._ending:
            self._ending.remove(process)
        elif process is self._process:
            self._process, self.is_ready = None, False
            self.failed.emit(plain(what))
