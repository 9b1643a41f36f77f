"""The answers of a run by step and prompt."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from i3core.runs.events import Sampled
from i3desk.language import figure, tr


class SampleLog:
    """All answers of a run.

    Attributes:
        steps: in increasing order; those with at least one answer.
        prompts: in the order of their first answers.
        longest: number of characters of the longest answer of each step.
    """

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.prompts: list[str] = []
        self.longest: dict[int, int] = {}
        self._answers: dict[int, dict[str, str]] = {}

    def add(self, samples: Iterable[Sampled]) -> int:
        """Add answers, which replace earlier ones; returns the index of the first step that changed."""
        first = len(self.steps)
        for sample in samples:
            if sample.step not in self._answers:
                self._answers[sample.step] = {}
                insort(self.steps, sample.step)
            self._answers[sample.step][sample.prompt] = sample.text
            self.longest[sample.step] = max(self.longest.get(sample.step, 0), len(sample.text))
            if sample.prompt not in self.prompts:
                self.prompts.append(sample.prompt)
            first = min(first, self.index(sample.step))
        return first

    def index(self, step: int) -> int:
        """The index of a step in `steps`."""
        return bisect_left(self.steps, step)

    def answers(self, step: int) -> dict[str, str]:
        """The answers of a step by prompt."""
        return self._answers.get(step, {})

    def answer_before(self, index: int, prompt: str) -> str | None:
        """The newest answer to a prompt before the step at `index`."""
        for step in reversed(self.steps[:index]):
            if prompt in self._answers[step]:
                return self._answers[step][prompt]
        return None


def step_text(step: int) -> str:
    """The name of a step."""
    return tr("before") if step == 0 else tr("step {step}").format(step=figure(step))
