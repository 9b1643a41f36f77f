"""Throughput of a run, and the time it has left."""

from __future__ import annotations

import time
from collections import deque


class Stopwatch:
    """Training time of a run in seconds, over all its starts, without pauses."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        return self._before + (0.0 if self._since is None else time.perf_counter() - self._since)

    def start(self) -> None:
        self._before, self._since = self.seconds, time.perf_counter()

    def stop(self) -> None:
        self._before, self._since = self.seconds, None


class Throughput:
    """Seconds and tokens of the last steps, and seconds of the last evaluation and checkpoint.

    Saved in checkpoints, so that a resumed run knows its remaining time at once.

    Attributes:
        place: name of the device and number of processes; figures from another place are ignored.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._steps: deque[tuple[float, int]] = deque(maxlen=50)
        self._others = {"evaluation": 0.0, "checkpoint": 0.0}

    def add_step(self, seconds: float, tokens: int) -> None:
        self._steps.append((seconds, tokens))

    def add(self, what: str, seconds: float) -> None:
        """Set the seconds of an "evaluation" or a "checkpoint"."""
        self._others[what] = seconds

    @property
    def tokens_per_second(self) -> float:
        return sum(n for _, n in self._steps) / max(1e-9, sum(s for s, _ in self._steps))

    def seconds_for(self, steps: int, evaluations: int, checkpoints: int) -> float | None:
        """Expected seconds of that many steps, evaluations and checkpoints; None before the first step."""
        if not self._steps:
            return None
        others = evaluations * self._others["evaluation"] + checkpoints * self._others["checkpoint"]
        return steps * sum(s for s, _ in self._steps) / len(self._steps) + others

    def eta_s(self, step: int, total_steps: int, eval_every: int, checkpoint_every: int) -> float | None:
        """Expected seconds from `step` to the end of a run; None before the first step."""

        def times(every: int) -> int:
            """Count how often something done every `every` steps, and at the end, will still be done."""
            return (total_steps - 1) // every - step // every + 1 if every else 1

        left = max(0, total_steps - step)
        if not left:
            return self.seconds_for(0, 0, 0)
        return self.seconds_for(left, times(eval_every) if eval_every else 0, times(checkpoint_every))

    def state_dict(self) -> dict:
        return {"place": self.place, "steps": list(self._steps), "others": dict(self._others)}

    def load_state_dict(self, state: dict) -> None:
        if state["place"] == self.place:
            self._steps.extend((s, n) for s, n in state["steps"])
            self._others |= state["others"]
