"""The training child: the same `i3core train` that the command line runs, in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from i3desk.core_process import CoreProcess, child_command


class TrainerProcess(CoreProcess):
    """Starts one training run and watches it; signals as those of CoreProcess."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__("training", parent)

    def start(self, model: str, data: Path, run_folder: Path, options: Sequence[str] = ()) -> None:
        """Fine-tune `model` on `data` into `run_folder`; `options` go to `i3core train` as they are."""
        arguments = ["train", "--model", model, "--data", str(data), "--out", str(run_folder), *options]
        self.start_program(*child_command(arguments))
