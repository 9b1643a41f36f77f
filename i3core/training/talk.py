"""Ask the model of a run about its data, and talk with it about everyday things, at each evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..checkpoints.checkpoint import Model, load
from ..errors import CheckpointError
from ..evaluation.conversation_check import ConversationCheck, count_kept, count_right, replies_to
from ..system.device import DeviceChoice


class Talk:
    """The questions of a run and what the base model replies to everyday prompts."""

    def __init__(self, check: ConversationCheck, base: str, device: DeviceChoice) -> None:
        """`base`: folder or name of the model that is fine-tuned."""
        self._check, self._base, self._device = check, base, device
        self._before: list[str] | None = None

    def measure(self, model: Model, step: int, between: Callable[[], None]) -> dict[str, Any]:
        """The fields of Evaluated for questions and everyday talk after `step` steps.

        `between` is called now and then; its exceptions end the measurement.
        """
        check = self._check
        model.network.eval()
        found: dict[str, Any] = {
            "questions": len(check.questions),
            "questions_right": count_right(model, check, between),
            "questions_held_out": check.held_out,
        }
        now = replies_to(model, check.everyday, between)
        try:
            # Read again each time: kept, it would take memory from the steps.
            base = model if step == 0 else load(self._base, self._device.name, self._device.precision)
        except CheckpointError:  # it is gone since the run was started
            return found
        if self._before is None:
            self._before = now if step == 0 else replies_to(base, check.everyday, between)
        kept = count_kept(check, self._before, now, model, base)
        return found | {"everyday": len(check.everyday), "everyday_kept": kept}
