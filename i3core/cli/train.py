"""`i3core train`: options from TRAINING_SETTINGS, a settings file, and the run's events on a terminal."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..net.dataset_name import HELP
from ..system.device import keep_freed_memory
from ..system.humanize import duration_text, size_text
from ..system.priority import lower_priority
from ..training import presets
from ..training.config import CHOICES, TRAINING_SETTINGS, TrainingConfig
from .options import Commands, add_command, add_device, add_json, add_reading
from .output import columns_text, left_out_text, print_json, progress_bar

if TYPE_CHECKING:
    from ..system.distributed import World

TRAIN_EPILOG = """\
While it runs: Ctrl-C (or SIGTERM) once saves and stops, twice stops at once. Empty files created in RUN/control steer
it from elsewhere: pause, resume, stop, checkpoint, sample. Several GPUs or machines: start this command with torchrun.
"""
RESUMABLE = (  # options that a resumed run may change
    "steps", "epochs", "lr", "patience", "eval_every", "eval_tokens", "checkpoint_every", "log_every", "sample_prompts",
    "track", "track_artifacts", "device", "precision", "threads", "data", "val", "general_val",
)  # fmt: skip


def add_train(commands: Commands) -> None:
    """Options of TrainingConfig. Absent ones come from --config, then from the defaults."""
    summary = "fine-tune a model, or pre-train one from scratch"
    parser = add_command(commands, "train", train, summary, epilog=TRAIN_EPILOG)
    add_json(parser, "print events as JSON lines")
    add = parser.add_argument
    add("--config", metavar="FILE", help="TOML or JSON file of settings; options override it")
    add("--resume", metavar="RUN", help="continue a run from its last checkpoint; with --data if that was moved")
    add("--dry-run", action="store_true", help="read model and data, print what would happen, and train nothing")
    add("--measure", action="store_true", help="with --dry-run: also time a few steps to estimate the run's duration")

    add(
        "--preset", dest="use_preset", metavar="NAME",
        help="quick, standard or thorough: settings for fine-tuning this model on this data, as in the window; options "
        "override them",
    )  # fmt: skip

    add = parser.add_argument_group("model").add_argument
    add("--model", metavar="MODEL", help="model folder or name to fine-tune")
    add(
        "--from-scratch", dest="preset", metavar="PRESET[,SIZE=N...]",
        help="i3-80m, i3-200m, i3-22m, i3-mini or tiny; sizes may follow, as in i3-mini,d_model=320,attention_layers=0 "
        "or i3-mini,blocks=rwkv4:4+attention:2,tokenizer=bpe:4096",
    )  # fmt: skip
    add("--tokenizer", metavar="FILE", help="vocabulary for training from scratch (default: built from the data)")
    add("--out", metavar="RUN", help="run folder to create")

    group = parser.add_argument_group("data")
    add = group.add_argument
    add(
        "--data", nargs="+", metavar="PATH[:WEIGHT]",
        help="files or folders (.txt .md .docx .pdf .jsonl .json .csv .tsv .parquet .chat; also .xz, .gz), with how "
        f"often each is seen; or data sets of the hub: {HELP}",
    )  # fmt: skip
    add("--val", metavar="PATH", help="validation data, likewise (default: a share of the data)")
    add(
        "--general-val", metavar="PATH",
        help="general text on which to notice forgetting, or none (default: a bundled one when fine-tuning)",
    )  # fmt: skip
    add_reading(group, default=None)
    add("--skip-bad-records", action="store_true", default=None, help="leave out and count records that cannot be used")
    add("--no-shuffle", dest="shuffle", action="store_false", default=None, help="keep the order of the files")
    add(
        "--replay", metavar="SHARE[=PATH]",
        help="share of what is read that is conversations the model knows, so that it does not forget them, and where "
        "they are (default: 0.5 for little data, less for much, if the model names such conversations)",
    )  # fmt: skip
    add(
        "--variation", choices=CHOICES["variation"],
        help="vary how the user's turns are typed: in other words, with words around them, with some left out "
        "(default: auto, which is on for little chat data)",
    )  # fmt: skip
    add("--loss-on", choices=CHOICES["loss_on"], help="learn replies only, or every turn (default: assistant)")

    group = parser.add_argument_group("training")
    add = group.add_argument
    for setting in TRAINING_SETTINGS:
        kind = int if setting.decimals == 0 else float
        add(
            f"--{setting.key.replace('_', '-')}", type=kind, metavar="N" if kind is int else "X",
            help=f"{setting.tooltip.replace('%', '%%')} (default: {setting.default})",
        )  # fmt: skip
    add("--optimizer", choices=CHOICES["optimizer"], help="adamw, or muon for the blocks' matrices (default: adamw)")
    add(
        "--public-recipe", action="store_true", default=None,
        help="use the optimiser and schedule of the public code; --lr, --warmup-steps and --grad-clip still apply",
    )  # fmt: skip
    add_device(group, default=None, choices=CHOICES["precision"])
    add("--low-priority", action="store_true", help="give other programs precedence on the processor")

    add = parser.add_argument_group("monitoring").add_argument
    add("--sample-prompts", nargs="*", metavar="TEXT", help="prompts answered at each evaluation; none for no samples")
    add("--track", nargs="*", metavar="NAME", help="copy the log to wandb or tensorboard")
    add(
        "--track-artifacts", choices=CHOICES["track_artifacts"],
        help="what wandb also gets at the end: the best and last checkpoints, or none (default: checkpoints)",
    )  # fmt: skip


def training_config(arguments: argparse.Namespace) -> TrainingConfig:
    """Read --config, overridden by options. Raises ConfigError for unknown keys."""
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
            raise ConfigError(f"The settings file {path} is not an object of settings.")
    content |= given_options(arguments)
    if arguments.dry_run:
        content.setdefault("out", "dry-run")
    if arguments.use_preset:
        TrainingConfig.from_dict(content)  # what is wrong with the options themselves comes first
        content = presets.apply(arguments.use_preset, content)
    return TrainingConfig.from_dict(content)


def given_options(arguments: argparse.Namespace) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name, None) is not None}


def resume_changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Options that change a resumed run. Raises ConfigError for one that cannot change."""
    given = given_options(arguments)
    fixed = [name for name in given if name not in RESUMABLE]
    fixed += ["config"] * bool(arguments.config) + ["preset"] * bool(arguments.use_preset)
    if fixed:
        raise ConfigError(
            f"A resumed run keeps its {', '.join(fixed)}.", "Start a new run with --model RUN/checkpoints/last instead."
        )
    if "epochs" in given:  # of the two, the given one determines the length of the run
        given.setdefault("steps", 0)
    elif "steps" in given:
        given["epochs"] = 1.0
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def train(arguments: argparse.Namespace) -> None:
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # not under nohup
        # If the terminal is closed, save and stop too.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    keep_freed_memory()
    if arguments.low_priority:
        lower_priority()
    with _world() as world:
        config = _config(arguments) if world is None else world.shared(world.attempt(lambda: _config(arguments)))
        from ..training import train as training

        with TrainingProgress() as progress:
            if arguments.dry_run:
                events = training.dry_run(config, progress.read, arguments.measure)
            else:
                events = training.train(config, bool(arguments.resume), world, progress.read)
            _print_events(arguments, events, progress, config)


def _print_events(
    arguments: argparse.Namespace, events: Iterator[Any], progress: TrainingProgress, config: TrainingConfig
) -> None:
    """Print events. If the output can no longer be written, the run saves and stops, and the OSError is raised."""
    lost: OSError | None = None
    for event in events:
        if lost:
            continue
        try:
            if arguments.json:
                print_json({"event": type(event).__name__.lower(), **dataclasses.asdict(event)})
            else:
                progress.show(event)
        except OSError as error:
            if arguments.dry_run:
                raise
            lost = error
            (Path(config.out) / "control" / "stop").touch()
    if lost:
        raise lost


@contextlib.contextmanager
def _world() -> Iterator[World | None]:
    """The processes that torchrun started; None without it, so that wrong options are reported before torch loads."""
    if int(os.environ.get("WORLD_SIZE") or 1) == 1:
        yield None
        return
    from ..system.distributed import joined_world

    with joined_world() as world:
        yield world


def _config(arguments: argparse.Namespace) -> TrainingConfig:
    if arguments.measure and not arguments.dry_run:
        raise ConfigError("--measure needs --dry-run.", "Add --dry-run.")
    if not arguments.resume:
        return training_config(arguments)
    from ..training.train import resume_config

    if arguments.dry_run:
        raise ConfigError("--dry-run is for new runs.", "Leave out --resume.")
    config, changes = resume_config(arguments.resume), resume_changes(arguments)
    if "data" in changes:
        from ..training.run_data import moved_data

        changes["data"] = moved_data(config.data, changes["data"])
    return dataclasses.replace(config, **changes)


class TrainingProgress:
    """Show events as lines above a progress bar."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._source = ""  # the data being read; "" once training runs

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._source = None, ""

    def read(self, source: str, characters: int) -> None:
        """Count `characters` more read from `source`."""
        if source != self._source:
            self._close()
            self._bar, self._source = progress_bar(None, "char", source, scale=True), source
        self._bar.update(characters)

    def show(self, event: Any) -> None:
        from ..runs import events

        if self._source:
            self._close()
        if isinstance(event, events.Stepped):
            self._bar = self._bar or progress_bar(event.total_steps, "step", "training")
            self._bar.update(event.step - self._bar.n)
            self._bar.set_postfix_str(
                f"loss {event.loss:.3f}, {event.tokens_per_second:,.0f} tokens/s, {duration_text(event.eta_s)} left",
            )
            return
        from tqdm import tqdm

        for line in describe(event):
            tqdm.write(line)


def _composed_text(started: Any) -> str:
    replayed = f", beside them {started.replay_share:.0%} of replay" if started.replay_share else ""
    return replayed + (f", in conversations of up to {started.composed} exchanges" if started.composed > 1 else "")


def describe(event: Any) -> Iterator[str]:
    """Lines that describe an event (other than a step) for people."""
    from ..runs import events
    from ..text.unreadable import suggestions

    if isinstance(event, events.DataRead):
        shapes = ", ".join(
            shape if count == event.records else f"{count:,} {shape}" for shape, count in event.shapes.items()
        )
        yield (
            f"{event.file} ({event.role}): {event.records:,} records ({shapes}), {event.rows:,} sequences, "
            f"{event.tokens:,} tokens, {event.unknown_share:.2%} <UNK>, {event.truncated:,} truncated"
        )
        if event.skipped:
            yield f"  {event.skipped:,} records were skipped: {' '.join(event.skipped_reasons)}"
        if event.columns:
            yield f"  {columns_text(event.columns)}"
        if event.left_out:
            yield f"  {left_out_text(event.left_out)}"
        yield from (f"  unknown: {line}" for line in suggestions(event.unknown_counts))
        if event.role == "training":
            yield from (f"  | {example}" for example in event.examples)
    elif isinstance(event, events.Warned):
        yield f"warning: {event.what} {event.remedy}".rstrip()
    elif isinstance(event, events.Started):
        trained = "" if event.trainable == event.parameters else f", {event.trainable:,} of them trained"
        together = "" if event.processes == 1 else f", {event.processes} processes"
        yield (
            f"{event.parameters:,} parameters{trained} on {event.device}{together}; {event.rows:,} sequences, "
            f"{event.held_out_rows:,} held out, {event.tokens_per_epoch:,} tokens an epoch"
            f"{_composed_text(event)}; "
            f"steps {event.step:,} to {event.total_steps:,}; about {size_text(event.memory_bytes)} of memory, "
            f"{size_text(event.checkpoint_bytes)} of checkpoints"
            + ("" if event.eta_s is None else f"; {duration_text(event.eta_s)} left")
        )
    elif isinstance(event, events.Evaluated):
        losses = []
        if event.val_loss is not None:
            losses.append(f"validation loss {event.val_loss:.4f}, perplexity {event.val_perplexity:.2f}")
        if event.general_loss is not None:
            losses.append(f"general perplexity {event.general_perplexity:.2f}")
        if event.questions:
            which = "held-out questions" if event.questions_held_out else "questions of the data"
            losses.append(f"{event.questions_right} of {event.questions} {which} answered right")
        if event.everyday and event.everyday_kept is not None:
            losses.append(f"{event.everyday_kept / event.everyday:.0%} of everyday talk kept")
        yield f"step {event.step:,}: {'; '.join(losses)}{', best so far' if event.is_best else ''}"
    elif isinstance(event, events.Sampled):
        yield f"  {event.prompt!r} -> {event.text!r}"
    elif isinstance(event, events.Measured):
        yield (
            f"about {duration_text(event.seconds)}: {event.steps:,} steps of {event.step_s:.3g} s "
            f"({event.tokens_per_second:,.0f} tokens/s), an evaluation {event.evaluation_s:.3g} s, "
            f"samples {event.sample_s:.3g} s, a checkpoint {event.checkpoint_s:.3g} s"
        )
    elif isinstance(event, events.Finished):
        reason = {"early": "stopped early, as validation no longer improved,"}.get(event.reason, event.reason)
        yield f"{reason} at step {event.step:,}; the model is in {event.folder}"
        if event.reason == "stopped":
            yield "continue with --resume and the run's folder"
