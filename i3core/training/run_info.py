"""Write run.json and emit the events that precede the first step."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from ..runs.events import Event, Started, Warned
from ..version import __version__
from .run_data import unknown_share

if TYPE_CHECKING:
    from .loop import TrainingRun


def describe_run(run: TrainingRun) -> dict:
    """Content of run.json: configuration, base model, data, versions, device.

    A resumed run keeps its origin.
    """
    content = {
        "config": dataclasses.asdict(run.config),
        "model": run.model.name,
        "parameters": run.model.parameters,
        "trainable": run.prepared.trainable,
        "data": run.prepared.data_files,
        "replay": run.data.replay,
        "device": run.device.describe(),
        "processes": run.world.size,
        "versions": {"i3core": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "started": time.time(),
    }
    if run.prepared.resumed and run.world.is_main:
        before = run.run_folder.description()
        origin = {key: before[key] for key in ("model", "started") if key in before}
        content |= origin | {"resumed": [*before.get("resumed", []), time.time()]}
    return content


def announce(run: TrainingRun) -> Iterator[Event]:
    """Yield the data that was read, warnings, and Started."""
    yield from run.data.reports
    for warning in run.model.warnings:
        yield Warned(run.state.step, warning, "")
    for finding in run.prepared.preflight.findings:
        yield Warned(run.state.step, finding.what, finding.remedy, finding.kind)
    datasets = run.data.training
    yield Started(
        out=str(run.run_folder.folder),
        step=run.state.step,
        total_steps=run.total_steps,
        parameters=run.model.parameters,
        trainable=run.prepared.trainable,
        rows=sum(len(part.sequences) for part in datasets),
        held_out_rows=run.data.validation.size,
        tokens_per_epoch=run.data.tokens_per_epoch,
        replay_share=run.data.composition.replay_share,
        composed=run.data.composition.exchanges,
        unknown_share=unknown_share(run.data.reports),
        memory_bytes=run.prepared.preflight.memory_bytes,
        checkpoint_bytes=run.checkpoint_bytes(),
        eta_s=run.eta_s(),
        device=run.device.describe(),
        processes=run.world.size,
    )
