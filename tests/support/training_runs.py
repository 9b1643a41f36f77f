"""Runs a configuration and reads what its run folder says."""

import json

from i3core.runs.events import Started
from i3core.runs.folder import RunFolder
from i3core.training.train import train


def metrics(config):
    path = RunFolder(config.out).metrics
    whole_lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in whole_lines]


def losses(config):
    return [(line["step"], line["loss"]) for line in metrics(config) if "loss" in line]


def val_losses(config):
    return [(line["step"], line["val_loss"]) for line in metrics(config) if "val_loss" in line]


def status(config):
    return json.loads((RunFolder(config.out).folder / "status.json").read_text())


def run(config, resume=False):
    """The events of a whole run, from Started on (what was read and found before is tested elsewhere)."""
    events = list(train(config, resume))
    return events[next(i for i, event in enumerate(events) if isinstance(event, Started)) :]
