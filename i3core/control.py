"""How a run is steered while it goes: files dropped into its control folder, and signals."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .run import RunFolder

HEARTBEAT_S = 5.0


class Control:
    """What the user wants of a run. `wishes` collects the names of control files until `take` hands them out."""

    def __init__(self, run: RunFolder, interrupted: threading.Event) -> None:
        self.run, self._interrupted = run, interrupted
        self._wishes: set[str] = set()
        self._beat = -math.inf

    @property
    def stopping(self) -> bool:
        """Whether the run should save and end."""
        return self._interrupted.is_set()

    def look(self, step: int, state: str = "running") -> None:
        """Reads the control folder and shows that the run is alive. Cheap enough for every step."""
        if time.monotonic() - self._beat > HEARTBEAT_S:
            self.run.write_status(state, step)
            self._beat = time.monotonic()
        self._wishes |= self.run.take_controls()
        if "stop" in self._wishes:
            self._interrupted.set()

    def take(self, step: int) -> set[str]:
        """What is wanted now; waits while the run is paused. "stop" is `stopping` and stays."""
        self.look(step)
        if "pause" in self._wishes:
            self._pause(step)
        wishes, self._wishes = self._wishes - {"pause", "resume", "stop"}, set()
        return wishes

    def _pause(self, step: int) -> None:
        self._wishes.discard("pause")
        self._beat = -math.inf
        while not self.stopping and "resume" not in self._wishes:
            self.look(step, "paused")
            time.sleep(0.1)
        self._beat = -math.inf
        self.look(step)


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Sets the event at the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def ask(number: int, frame: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
