"""How fast a run goes, and how long it will take."""

from __future__ import annotations

from collections import deque


class Pace:
    """Seconds and tokens of the last steps, and seconds of the last evaluation. Kept in checkpoints, so that a resumed
    run knows its time left at once."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque(maxlen=50)
        self._evaluation_s = 0.0

    def add_step(self, seconds: float, tokens: int) -> None:
        self._steps.append((seconds, tokens))

    def add_evaluation(self, seconds: float) -> None:
        self._evaluation_s = seconds

    @property
    def tokens_per_second(self) -> float:
        return sum(n for _, n in self._steps) / max(1e-9, sum(s for s, _ in self._steps))

    def seconds_for(self, steps: int, evaluations: int) -> float | None:
        """Expected seconds of so many more steps and evaluations; None before the first step."""
        if not self._steps:
            return None
        return steps * sum(s for s, _ in self._steps) / len(self._steps) + evaluations * self._evaluation_s

    def state_dict(self) -> dict:
        return {"steps": list(self._steps), "evaluation_s": self._evaluation_s}

    def load_state_dict(self, state: dict) -> None:
        self._steps.extend((s, n) for s, n in state["steps"])
        self._evaluation_s = state["evaluation_s"]
