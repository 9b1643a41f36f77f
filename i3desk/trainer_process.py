"""The training child: the same `i3core train` that the command line runs, in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal, Slot

import i3core

KILL_AFTER_MS = 5_000
TAIL_CHARACTERS = 4_000


def child_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Program and arguments that run i3core; the packaged program runs itself."""
    if getattr(sys, "frozen", False):
        return sys.executable, ["i3core", *arguments]
    return sys.executable, ["-m", "i3core", *arguments]


class TrainerProcess(QObject):
    """Starts one training run and watches it.

    Signals:
        finished: the child ended well.
        failed(what): it could not start, or ended with an error; `what` is the last line it said.
    """

    finished = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._output = ""
        self._process = QProcess(self)
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._patience = QTimer(self, interval=KILL_AFTER_MS, singleShot=True)
        self._patience.timeout.connect(self._process.kill)
        environment = QProcessEnvironment.systemEnvironment()
        if not getattr(sys, "frozen", False):
            # The child runs the i3core that this window runs, wherever the program was started.
            paths = [str(Path(i3core.__file__).parent.parent), environment.value("PYTHONPATH")]
            environment.insert("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        self._process.setProcessEnvironment(environment)

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self, model: str, data: Path, run_folder: Path, options: Sequence[str] = ()) -> None:
        """Fine-tune `model` on `data` into `run_folder`; `options` go to `i3core train` as they are."""
        arguments = ["train", "--model", model, "--data", str(data), "--out", str(run_folder), *options]
        self._output = ""
        program, program_arguments = child_command(arguments)
        self._process.start(program, program_arguments)

    def end(self) -> None:
        """Ask the child to end, and after a while make it."""
        if self.running:
            self._process.terminate()
            self._patience.start()

    def kill(self) -> None:
        """End the child at once and wait for it. Only after the event loop: it blocks."""
        if self.running:
            self._process.kill()
            self._process.waitForFinished(KILL_AFTER_MS)

    @Slot()
    def _read(self) -> None:
        text = bytes(self._process.readAllStandardOutput()).decode("utf-8", errors="replace")
        self._output = (self._output + text)[-TAIL_CHARACTERS:]

    @Slot(int, QProcess.ExitStatus)
    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._patience.stop()
        self._read()
        if status == QProcess.ExitStatus.NormalExit and code == 0:
            self.finished.emit()
        elif status == QProcess.ExitStatus.NormalExit:
            lines = self._output.strip().splitlines()
            self.failed.emit(lines[-1] if lines else f"The training ended with status {code}.")
        else:
            self.failed.emit("The training process was ended from outside. Perhaps the memory ran out.")

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.failed.emit(f"The training could not start: {self._process.errorString()}")
