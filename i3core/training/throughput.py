"""How fast a run goes, and how long it will take."""

from __future__ import annotations

import time
from collections import deque


class Stopwatch:
    """Seconds that a run has spent, over all its starts; it stands still while the run is paused."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._before, self._since = seconds, None

    @property
    def seconds(self) -> float:
        return self._before + (0.0 if self._since is None else time.perf_counter() - self._since)

    def start(self) -> None:
        self._before, self._since = self.seconds, time.perf_counter()

    def stop(self) -> None:
        self._before, self._since = self.seconds, None


class Throughput:
    """Seconds and tokens of the last steps, and seconds of the last evaluation and checkpoint.

    Kept in checkpoints, so that a resumed run knows its time left at once.

    Attributes:
        place: where the run goes; what was measured elsewhere does not count.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._steps: deque[tuple[float, int]] = deque(maxlen=50)
        self._others = {"evaluation": 0.0, "checkpoint": 0.0}

    def add_step(self, seconds: float, tokens: int) -> None:
        self._steps.append((seconds, tokens))

    def add(self, what: str, seconds: float) -> None:
        """Seconds of an "evaluation" or a "checkpoint"."""
        self._others[what] = seconds

    @property
    def tokens_per_second(self) -> float:
        return sum(n for _, n in self._steps) / max(1e-9, sum(s for s, _ in self._steps))

    def seconds_for(self, steps: int, evaluations: int, checkpoints: int) -> float | None:
        """Expected seconds of so many more of each; None before the first step."""
        if not self._steps:
            return None
        others = evaluations * self._others["evaluation"] + checkpoints * self._others["checkpoint"]
        return steps * sum(s for s, _ in self._steps) / len(self._steps) + others

    def eta_s(self, step: int, total_steps: int, eval_every: int, checkpoint_every: int) -> float | None:
        """Seconds from `step` to the end of a run, which evaluates and saves so often; None before the first step."""

        def times(every: int) -> int:
            """How often something done every so many steps, and at the end, will still be done."""
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
