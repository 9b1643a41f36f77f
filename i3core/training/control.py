"""Control of a running training: files dropped into its control folder, and signals."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import I3Error
from ..runs.folder import RunFolder

HEARTBEAT_S = 5.0


class Control:
    """Requests of the user to a run.

    Attributes:
        paused: whether the run should wait.
        prompts: new sample prompts, or None; reset to None once they are applied.
    """

    def __init__(self, run_folder: RunFolder, interrupted: threading.Event) -> None:
        self.run_folder, self._interrupted = run_folder, interrupted
        self.paused = False
        self.prompts: tuple[str, ...] | None = None
        self._requests: set[str] = set()
        self._shown: tuple[str, float] = ("", -math.inf)  # state in status.json, and when it was written

    @property
    def stopping(self) -> bool:
        """Whether the run should save and end."""
        return self._interrupted.is_set()

    def poll(self, step: int, state: str = "running", note: str = "") -> None:
        """Read the control folder and show that the run is alive.

        Cheap enough for every step.

        Raises TrainingError if the run folder was deleted.
        """
        self.run_folder.refuse_if_deleted()
        found = self.run_folder.poll_commands()
        prompts = self.run_folder.take_prompts()  # after the request for a sample, which may come with them
        self.prompts = self.prompts if prompts is None else prompts
        if "stop" in found:
            self._interrupted.set()
        self.paused = (self.paused or "pause" in found) and "resume" not in found and not self.stopping
        self._requests |= found & {"checkpoint", "sample"}
        state = "paused" if self.paused else state
        shown, at = self._shown
        if shown != state or time.monotonic() - at > HEARTBEAT_S:
            try:
                self.run_folder.write_status(state, step, note=note)
            except I3Error:  # only a sign of life; a write that matters will report the cause
                self.run_folder.refuse_if_deleted()
            self._shown = state, time.monotonic()

    def take_requests(self) -> set[str]:
        """Requests since the last call: "checkpoint", "sample"."""
        requests, self._requests = self._requests, set()
        return requests


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets.

    A second one ends the program at once.
    """
    event, signalled = threading.Event(), threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def handle(number: int, frame: object) -> None:
        if signalled.is_set():
            raise KeyboardInterrupt
        signalled.set()
        event.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
