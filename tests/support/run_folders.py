"""Writes run folders as a trainer leaves them behind, without training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from i3core.runs.folder import RunFolder

CONFIG = {"model": "i3-mini", "preset": "", "data": ["/data/pirate.jsonl"], "steps": 400, "lr": 3e-4, "batch_size": 8}


def write_run(
    folder: Path,
    losses: Sequence[float] = (4.0, 3.0, 2.5),
    val_losses: Sequence[float] = (),
    state: str = "finished",
    started: float = 1_700_000_000.0,
    error: str = "",
    note: str = "",
    **config,
) -> Path:
    """A run that logged `losses` at steps 1, 2, ... and was evaluated after each tenth of them. Alive states belong to
    this process, and so are true."""
    run = RunFolder(folder)
    run.create()
    config = {**CONFIG, "out": str(folder), **config}
    described = [{"file": path, "bytes": 61_000, "sha256": "0"} for path in config["data"]]
    run.describe(
        {
            "config": config, "model": config["model"], "parameters": 6_300_000, "trainable": 6_300_000,
            "data": described, "device": "CPU, 2 threads, float32", "started": started,
            "versions": {"i3core": "0.1.0", "torch": "2.10.0"},
        }
    )  # fmt: skip
    append_losses(folder, losses)
    best = float("inf")
    for number, loss in enumerate(val_losses):
        best = min(best, loss)
        line = {"step": number + 1, "tokens": 100 * (number + 1), "seconds": 2.0 * (number + 1)}
        run.append(run.metrics, line | {"val_loss": loss, "val_perplexity": 9.0, "is_best": loss == best})
    checkpoint = folder / "checkpoints" / "last"
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / "config.json").write_text(json.dumps({"step": len(losses)}))
    (checkpoint / "model.safetensors").write_bytes(bytes(1_500_000))
    if note:
        (folder / "notes.json").write_text(json.dumps({"name": "", "note": note}))
    run.write_status(state, len(losses), error)
    return folder


def append_losses(folder: Path, losses: Sequence[float], first_step: int = 1) -> None:
    """More steps of the run."""
    run = RunFolder(folder)
    with open(run.metrics, "a", encoding="utf-8") as lines:
        for step, loss in enumerate(losses, first_step):
            line = {"step": step, "total_steps": 400, "tokens": 100 * step, "seconds": 2.0 * step, "loss": loss}
            lines.write(json.dumps(line | {"tokens_per_second": 2310.0}) + "\n")
