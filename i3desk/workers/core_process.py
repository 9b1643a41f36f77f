"""An `i3core` command in a child process: its reports and how it ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal, Slot

import i3core
from i3core.system.extras import is_packaged
from i3desk.language import tr

KILL_AFTER_MS = 5_000
TAIL_CHARACTERS = 4_000
LONGEST_LINE = 1_000_000  # bytes; a longer line is not a report


def child_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Program and arguments that run i3core; the packaged program calls itself."""
    if is_packaged():
        return sys.executable, ["i3core", *arguments]
    return sys.executable, ["-m", "i3core", *arguments]


class CoreProcess(QObject):
    """Runs commands in a child process, one at a time.

    Signals:
        reported(dict): Emitted when the child has written a line of JSON to its standard output.
        finished: Emitted when the child has ended without error, after its last report.
        failed(what): Emitted when the child could not start or ended with an error; `what` is its last line.
    """

    reported = Signal(object)
    finished = Signal()
    failed = Signal(str)

    def __init__(
        self, name: str = "command", parent: QObject | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """`name` says in errors what the child does: "The download could not start"."""
        super().__init__(parent)
        self._name = name
        self._unread = b""
        self._output = ""
        self._errors = ""
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read_output)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._kill_timer = QTimer(self, interval=KILL_AFTER_MS, singleShot=True)
        self._kill_timer.timeout.connect(self._process.kill)
        variables = QProcessEnvironment.systemEnvironment()
        if not is_packaged():
            # The child imports the same i3core as this window, from any current directory.
            paths = [str(Path(i3core.__file__).parent.parent), variables.value("PYTHONPATH")]
            variables.insert("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        for key, value in (environment or {}).items():
            variables.insert(key, value)
        self._process.setProcessEnvironment(variables)

    def tell(self, reported: Callable[[dict], Any], finished: Callable[[], Any], failed: Callable[[str], Any]) -> None:
        """Connect the signals of these names."""
        self.reported.connect(reported)
        self.finished.connect(finished)
        self.failed.connect(failed)

    @property
    def running(self) -> bool:
        """True while the child runs."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self, arguments: Sequence[str]) -> None:
        """Run `i3core ARGUMENTS`; no other command may be running."""
        self.start_program(*child_command(arguments))

    def start_program(self, program: str, arguments: Sequence[str]) -> None:
        """Run another program in the same way."""
        self._unread, self._output, self._errors = b"", "", ""
        self._process.start(program, list(arguments))

    def say(self, line: str) -> None:
        """Write a line to the child's standard input."""
        if self.running:
            self._process.write(line.encode("utf-8") + b"\n")

    def end(self) -> None:
        """Ask the child to end, and kill it if it takes too long; `failed` or `finished` follows."""
        if self.running:
            self._process.closeWriteChannel()  # ends a child that waits for a line, also where there are no signals
            self._process.terminate()
            self._kill_timer.start()

    def kill(self) -> None:
        """Kill the child and wait for it, without a signal; this blocks, so only after the event loop."""
        self.blockSignals(True)
        if self.running:
            self._process.kill()
            self._process.waitForFinished(KILL_AFTER_MS)

    @Slot()
    def _read_output(self) -> None:
        data = bytes(self._process.readAllStandardOutput().data())
        self._output = (self._output + data.decode("utf-8", errors="replace"))[-TAIL_CHARACTERS:]
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._unread = self._unread[-LONGEST_LINE:]
        for line in lines:
            self._report(line)

    def _report(self, line: bytes) -> None:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):  # text for people
            return
        if isinstance(content, dict):
            self.reported.emit(content)

    @Slot()
    def _read_errors(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", errors="replace")
        self._errors = (self._errors + text)[-TAIL_CHARACTERS:]

    @Slot(int, QProcess.ExitStatus)
    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._kill_timer.stop()
        self._read_output()
        self._report(self._unread)
        self._read_errors()
        if status == QProcess.ExitStatus.NormalExit and code == 0:
            self.finished.emit()
        elif status == QProcess.ExitStatus.NormalExit:
            lines = (self._errors.strip() or self._output.strip()).splitlines()
            self.failed.emit(
                lines[-1] if lines else tr("The {name} ended with status {code}.").format(name=self._name, code=code)
            )
        else:
            self.failed.emit(
                tr("The {name} process was ended from outside. Perhaps the memory ran out.").format(name=self._name)
            )

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.failed.emit(
                tr("The {name} could not start: {error}").format(name=self._name, error=self._process.errorString())
            )


def plain(what: str) -> str:
    """The last line of a child, without the program's name in front."""
    return what.removeprefix("i3core: ")
