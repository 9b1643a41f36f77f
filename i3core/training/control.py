"""How a run is steered while it goes: files dropped into its control folder, and signals."""

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
    """What the user wants of a run.

    Attributes:
        paused: whether the run should wait.
        prompts: the sample prompts from now on, if the user wants others; whoever takes them sets None.
    """

    def __init__(self, run: RunFolder, interrupted: threading.Event) -> None:
        self.run, self._interrupted = run, interrupted
        self.paused = False
        self.prompts: tuple[str, ...] | None = None
        self._wishes: set[str] = set()
        self._shown: tuple[str, float] = ("", -math.inf)  # state in status.json, and when it was written

    @property
    def stopping(self) -> bool:
        """Whether the run should save and end."""
        return self._interrupted.is_set()

    def look(self, step: int, state: str = "running", note: str = "") -> None:
        """Reads the control folder and shows that the run is alive. Cheap enough for every step.

        Raises TrainingError if the run folder was deleted.
        """
        self.run.refuse_if_deleted()
        found = self.run.poll_commands()
        prompts = self.run.take_prompts()  # after the wish for a sample, which may have been made with them
        self.prompts = self.prompts if prompts is None else prompts
        if "stop" in found:
            self._interrupted.set()
        self.paused = (self.paused or "pause" in found) and "resume" not in found and not self.stopping
        self._wishes |= found & {"checkpoint", "sample"}
        state = "paused" if self.paused else state
        shown, at = self._shown
        if shown != state or time.monotonic() - at > HEARTBEAT_S:
            try:
                self.run.write_status(state, step, note=note)
            except I3Error:  # a sign of life is not worth the run; what must be written will say what is wrong
                self.run.refuse_if_deleted()
            self._shown = state, time.monotonic()

    def take(self) -> set[str]:
        """ "checkpoint" and "sample", if they were asked for since the last call."""
        wishes, self._wishes = self._wishes, set()
        return wishes


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Sets the event at the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    event, signalled = threading.Event(), threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def ask(number: int, frame: object) -> None:
        if signalled.is_set():
            raise KeyboardInterrupt
        signalled.set()
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
