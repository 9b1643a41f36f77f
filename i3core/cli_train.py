"""`i3core train`: options from TrainingConfig's fields, a settings file, progress on a terminal."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import tomllib
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .settings import TrainingConfig
from .terminal import print_json, progress_bar


def add_training(parser: argparse.ArgumentParser) -> None:
    """Options of TrainingConfig. Absent ones come from --config, then from the defaults."""
    parser.add_argument("--config", metavar="FILE", help="TOML or JSON file of settings; options override it")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run folder from its last checkpoint")
    parser.add_argument("--model", help="model folder or name to fine-tune")
    parser.add_argument("--from-scratch", dest="preset", metavar="PRESET", help="i3-80m, i3-22m, i3-mini or tiny")
    parser.add_argument(
        "--data", nargs="+", metavar="FILE[:WEIGHT]", help="training files, with how often each is seen"
    )
    parser.add_argument("--out", metavar="RUN", help="run folder to make")
    helps = {
        "tokenizer": "vocabulary for training from scratch",
        "val": "held-out file; otherwise a share of the data is held out",
        "val_share": "share of rows held out without --val",
        "steps": "optimiser steps; 0 for --epochs",
        "epochs": "passes over the data",
        "batch_size": "windows' worth of tokens in a batch",
        "accumulate": "batches per optimiser step",
        "lr": "peak learning rate",
        "warmup_steps": "steps of linear warm-up",
        "decay_share": "last share of the steps in which the rate falls (cosine)",
        "min_lr_share": "share of the peak rate at the end",
        "weight_decay": "decay of matrices",
        "beta2": "second moment's decay in AdamW",
        "grad_clip": "largest gradient norm",
        "loss_on": "assistant (replies only) or all",
        "optimizer": "adamw or muon",
        "eval_every": "steps between evaluations; 0 for none",
        "eval_tokens": "validation tokens read each time",
        "checkpoint_every": "steps between checkpoints; 0 for only the last",
        "log_every": "steps between log lines",
        "seed": "of weights, data order and splits",
        "device": "auto, cpu or cuda",
        "precision": "auto, float32, bfloat16 or float16 of matrix products",
    }
    for field in dataclasses.fields(TrainingConfig):
        if field.name in helps:
            kind = type(field.default)
            shown = "" if field.default in ("", None) else f" (default: {field.default})"
            parser.add_argument(
                f"--{field.name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper(),
                help=helps[field.name] + shown,
            )  # fmt: skip
    parser.add_argument(
        "--public-recipe", action="store_true", default=None, help="optimiser and schedule of the public code"
    )
    parser.add_argument(
        "--sample-prompts", nargs="*", metavar="TEXT", help="answered at each evaluation; none for no samples"
    )


def training_config(arguments: argparse.Namespace) -> TrainingConfig:
    """Settings from --config, overridden by options. Raises ConfigError for unknown keys."""
    content: dict[str, Any] = {}
    if arguments.config:
        path = Path(arguments.config)
        try:
            text = path.read_text(encoding="utf-8")
            content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except OSError as error:
            raise ConfigError(f"The settings file {path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise ConfigError(f"The settings file {path} is not valid: {error}.") from error
        if not isinstance(content, dict):
            raise ConfigError(f"The settings file {path} is not a map of settings.")
    for field in dataclasses.fields(TrainingConfig):
        value = getattr(arguments, field.name, None)
        if value is not None:
            content[field.name] = value
    return TrainingConfig.from_dict(content)


RESUMABLE = (
    "steps", "epochs", "lr", "batch_size", "accumulate", "eval_every", "eval_tokens", "checkpoint_every", "log_every",
    "device", "precision",
)  # fmt: skip


def resume_changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Options that a resumed run may take anew. Raises ConfigError for one that would make it another run."""
    given = [f.name for f in dataclasses.fields(TrainingConfig) if getattr(arguments, f.name, None) is not None]
    fixed = [name for name in given if name not in RESUMABLE] + (["config"] if arguments.config else [])
    if fixed:
        raise ConfigError(
            f"A resumed run keeps its {', '.join(fixed)}.", "Start a new run with --model RUN/checkpoints/last instead."
        )
    return {name: getattr(arguments, name) for name in given}


def train(arguments: argparse.Namespace) -> None:
    if arguments.resume:
        from .training import resume_config

        config = dataclasses.replace(resume_config(arguments.resume), **resume_changes(arguments))
    else:
        config = training_config(arguments)
    if hasattr(signal, "SIGHUP"):  # a closed terminal stops and saves, too
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    from . import training

    bar = None
    try:
        for event in training.train(config, resume=bool(arguments.resume)):
            if arguments.json:
                print_json({"event": type(event).__name__.lower(), **dataclasses.asdict(event)})
            elif isinstance(event, training.Stepped):
                bar = bar or progress_bar(event.total_steps, "step", "training")
                bar.update(event.step - bar.n)
                bar.set_postfix_str(f"loss {event.loss:.3f}, {event.tokens_per_second:,.0f} tokens/s")
            else:
                _print_event(event, training)
    finally:
        if bar is not None:
            bar.close()


def _print_event(event: Any, training: Any) -> None:
    from tqdm import tqdm

    if isinstance(event, training.Started):
        tqdm.write(
            f"{event.parameters:,} parameters on {event.device}; {event.rows:,} rows, "
            f"{event.tokens_per_epoch:,} tokens an epoch, {event.unknown_share:.2%} <UNK>; "
            f"steps {event.step} to {event.total_steps}"
        )
    elif isinstance(event, training.Evaluated):
        best = ", best so far" if event.is_best else ""
        tqdm.write(
            f"step {event.step}: validation loss {event.val_loss:.4f}, perplexity {event.val_perplexity:.2f}{best}"
        )
    elif isinstance(event, training.Sampled):
        tqdm.write(f"  {event.prompt!r} -> {event.text!r}")
    elif isinstance(event, training.Finished):
        tqdm.write(f"{event.reason} at step {event.step}; the model is in {event.folder}")
