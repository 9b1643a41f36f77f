"""One `i3core` command in a process of its own: what it reports, and how it ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal, Slot

import i3core
from i3core.system.extras import is_packaged

KILL_AFTER_MS = 5_000
TAIL_CHARACTERS = 4_000
LONGEST_LINE = 1_000_000  # bytes; what goes on without an end is no report


def child_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Program and arguments that run i3core; the packaged program runs itself."""
    if is_packaged():
        return sys.executable, ["i3core", *arguments]
    return sys.executable, ["-m", "i3core", *arguments]


class CoreProcess(QObject):
    """Starts one command after the other and watches it.

    Signals:
        reported(dict): a line of JSON on its standard output.
        finished: the child ended well; everything it reported has been told before.
        failed(what): it could not start, or ended with an error; `what` is the last line it said.
    """

    reported = Signal(object)
    finished = Signal()
    failed = Signal(str)

    def __init__(
        self, name: str = "command", parent: QObject | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """`name` is what the child does, for its errors: "The download could not start"."""
        super().__init__(parent)
        self._name = name
        self._unread = b""
        self._said = ""
        self._complained = ""
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read_output)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._patience = QTimer(self, interval=KILL_AFTER_MS, singleShot=True)
        self._patience.timeout.connect(self._process.kill)
        variables = QProcessEnvironment.systemEnvironment()
        if not is_packaged():
            # The child runs the i3core that this window runs, wherever the program was started.
            paths = [str(Path(i3core.__file__).parent.parent), variables.value("PYTHONPATH")]
            variables.insert("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        for key, value in (environment or {}).items():
            variables.insert(key, value)
        self._process.setProcessEnvironment(variables)

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self, arguments: Sequence[str]) -> None:
        """Run `i3core ARGUMENTS`. Not while another one runs."""
        self.start_program(*child_command(arguments))

    def start_program(self, program: str, arguments: Sequence[str]) -> None:
        """Run any program in the same way."""
        self._unread, self._said, self._complained = b"", "", ""
        self._process.start(program, list(arguments))

    def say(self, line: str) -> None:
        """Write a line to the child's standard input, as soon as the child reads it."""
        if self.running:
            self._process.write(line.encode("utf-8") + b"\n")

    def end(self) -> None:
        """Ask the child to end, and after a while make it. `failed` or `finished` follows."""
        if self.running:
            self._process.closeWriteChannel()  # which ends one that waits for a line, also where it hears no signals
            self._process.terminate()
            self._patience.start()

    def kill(self) -> None:
        """End the child at once and wait for it. Only after the event loop: it blocks."""
        if self.running:
            self._process.kill()
            self._process.waitForFinished(KILL_AFTER_MS)

    @Slot()
    def _read_output(self) -> None:
        data = bytes(self._process.readAllStandardOutput())
        self._said = (self._said + data.decode("utf-8", errors="replace"))[-TAIL_CHARACTERS:]
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._unread = self._unread[-LONGEST_LINE:]
        for line in lines:
            self._report(line)

    def _report(self, line: bytes) -> None:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):  # said for people
            return
        if isinstance(content, dict):
            self.reported.emit(content)

    @Slot()
    def _read_errors(self) -> None:
        text = bytes(self._process.readAllStandardError()).decode("utf-8", errors="replace")
        self._complained = (self._complained + text)[-TAIL_CHARACTERS:]

    @Slot(int, QProcess.ExitStatus)
    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._patience.stop()
        self._read_output()
        self._report(self._unread)
        self._read_errors()
        if status == QProcess.ExitStatus.NormalExit and code == 0:
            self.finished.emit()
        elif status == QProcess.ExitStatus.NormalExit:
            lines = (self._complained.strip() or self._said.strip()).splitlines()
            self.failed.emit(lines[-1] if lines else f"The {self._name} ended with status {code}.")
        else:
            self.failed.emit(f"The {self._name} process was ended from outside. Perhaps the memory ran out.")

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.failed.emit(f"The {self._name} could not start: {self._process.errorString()}")


def plain(what: str) -> str:
    """What a child said last, without the program's name before it."""
    return what.removeprefix("i3core: ")
