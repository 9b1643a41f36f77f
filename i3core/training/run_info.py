"""What is told of a run once, before its first step: run.json, and the events that introduce it."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from ..runs.events import Event, Started, Warned
from ..version import __version__
from .setup import unknown_share

if TYPE_CHECKING:
    from .loop import TrainingRun


def describe_run(loop: TrainingRun) -> dict:
    """What run.json says: configuration, base model, data, versions, device. A resumed run keeps its past."""
    content = {
        "config": dataclasses.asdict(loop.config),
        "model": loop.model.name,
        "parameters": loop.model.parameters,
        "trainable": loop.trainable,
        "data": loop.described_data,
        "device": loop.device.describe(),
        "processes": loop.world.size,
        "versions": {"i3core": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "started": time.time(),
    }
    if loop.resumed and loop.world.is_main:
        before = loop.run.description()
        past = {key: before[key] for key in ("model", "started") if key in before}
        content |= past | {"resumed": [*before.get("resumed", []), time.time()]}
    return content


def announce(loop: TrainingRun) -> Iterator[Event]:
    """What was read, what is doubtful, and what will be done."""
    yield from loop.data.reports
    for warning in loop.model.warnings:
        yield Warned(loop.step, warning, "")
    for finding in loop.preflight.findings:
        yield Warned(loop.step, finding.what, finding.remedy, finding.kind)
    sets = loop.data.training
    tokens = [part.sequences.tokens for part in sets]
    yield Started(
        out=str(loop.run.folder),
        step=loop.step,
        total_steps=loop.total_steps,
        parameters=loop.model.parameters,
        trainable=loop.trainable,
        rows=sum(len(part.sequences) for part in sets),
        held_out_rows=sum(len(rows) for rows in loop.data.held_out),
        tokens_per_epoch=int(sum(n * part.weight for n, part in zip(tokens, sets, strict=True))),
        unknown_share=unknown_share(loop.data.reports),
        memory_bytes=loop.preflight.memory_bytes,
        checkpoint_bytes=loop.checkpoint_bytes(),
        eta_s=loop.eta_s(),
        device=loop.device.describe(),
        processes=loop.world.size,
    )
