"""Pre-training and fine-tuning: `train(config)` yields plain events and keeps a run folder.

The loop reads as: evaluate, save, step, log, handle commands. Batches depend on seed and step alone, and a checkpoint
holds the whole state of the optimiser, so a resumed run continues exactly as if it had not stopped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator

import torch

from ..errors import I3Error, TrainingError
from ..runs.events import Event, Warned
from ..runs.folder import RunFolder, SilentRunFolder
from ..system.device import is_out_of_memory
from ..system.distributed import World, joined_world
from .config import TrainingConfig
from .control import Control, interruption
from .loop import TrainingRun
from .run_data import ReadProgress, check_run_folder
from .run_info import announce, describe_run
from .setup import prepare
from .time_estimate import measure_run
from .trackers import check_trackers


def train(
    config: TrainingConfig,
    resume: bool = False,
    world: World | None = None,
    progress: ReadProgress | None = None,
) -> Iterator[Event]:
    """Run `config` and yield its events.

    With `resume`, continue from the last checkpoint in `config.out`.

    Under `torchrun` all processes train together, and only the first one yields events.

    Args:
        world: the processes, if the caller has joined them already.
        progress: called with what is being read and how many more characters of it.

    Raises:
        TrainingError, DataError, CheckpointError, ConfigError, DeviceError: with the remedy; the last checkpoint
        stays intact.
    """
    check_trackers(config.track)
    check_run_folder(config)
    with joined_world() if world is None else contextlib.nullcontext(world) as world:
        run_folder = RunFolder(config.out) if world.is_main else SilentRunFolder(config.out)
        step = world.attempt(run_folder.open if resume else run_folder.create) or 0
        run_folder.poll_commands()  # those were meant for an earlier start
        try:
            run_folder.write_status("starting", step)
            for event in _train(config, run_folder, resume, world, progress):
                step = getattr(event, "step", step)
                if isinstance(event, Warned):
                    run_folder.note_warning(event.what, event.remedy)
                if world.is_main:
                    yield event
        except (GeneratorExit, KeyboardInterrupt):
            _report_end(run_folder, "interrupted", step)
            raise
        except Exception as error:
            failure = _explained(error, run_folder, world)
            _report_end(run_folder, "failed", step, str(failure) or repr(failure))
            if failure is error:
                raise
            raise failure from error


def _train(
    config: TrainingConfig, run_folder: RunFolder, resume: bool, world: World, progress: ReadProgress | None
) -> Iterator[Event]:
    with interruption() as interrupted, _threads(config.threads):
        control = Control(run_folder, interrupted)
        prepared = prepare(config, run_folder, resume, world, _watched(control, progress))
        with contextlib.closing(TrainingRun(prepared, control)) as run:
            run_folder.describe(describe_run(run))
            yield from announce(run)
            run.start()
            reason = ""
            while not reason:
                if run.evaluation_is_due() and not run.stopping:
                    yield from run.evaluate()
                reason = run.reason_to_end()
                if reason == "stopped":
                    run_folder.write_status("stopping", run.state.step)
                if reason or run.checkpoint_is_due():
                    yield from run.save()
                if reason:
                    break
                stepped = run.advance()
                yield from run.take_warnings()
                if run.is_due(config.log_every):
                    run.log(stepped)
                    yield stepped
                yield from run.handle_commands()
            yield from run.closing_warnings()
            run_folder.write_status("interrupted" if reason == "stopped" else "finished", run.state.step)
            yield run.finished(reason)


def _explained(error: Exception, run_folder: RunFolder, world: World) -> Exception:
    """Convert what ended a run to a TrainingError with a remedy.

    I3Errors and bugs stay as they are.

    Raises TrainingError if the run folder was deleted: then that is the cause, whatever could not be read or written.
    """
    if isinstance(error, (I3Error, OSError)):
        run_folder.refuse_if_deleted()
    if isinstance(error, OSError):
        return TrainingError(
            f"{error.filename or run_folder.folder} cannot be read or written: {error.strerror or error}.",
            "Check the disk and its free space, then --resume; the last checkpoint is intact.",
        )
    if isinstance(error, I3Error):
        return error
    if is_out_of_memory(error):
        return TrainingError(
            "There is not enough memory for a step.",
            "Close other programs and --resume, or train a smaller model or a part of it (--lora-rank 8).",
        )
    if world.size > 1 and isinstance(error, RuntimeError) and "onnection" in str(error):
        return TrainingError(
            "Another process of this run ended, or the network failed.", "Look at its error message, then --resume."
        )
    return error


def _report_end(run_folder: RunFolder, state: str, step: int, error: str = "") -> None:
    """Write to status.json how a run ended, if the disk still permits it."""
    with contextlib.suppress(I3Error):
        run_folder.write_status(state, step, error)


def dry_run(config: TrainingConfig, progress: ReadProgress | None = None, measure: bool = False) -> Iterator[Event]:
    """Read model and data as `train` would and yield DataRead, Warned and Started, without training.

    With `measure`, do some steps and discard them to estimate how long the run will take (yields Measured).
    """
    check_trackers(config.track)
    run_folder = SilentRunFolder(config.out)
    with _threads(config.threads):
        prepared = prepare(config, run_folder, False, World(), progress)
        with contextlib.closing(TrainingRun(prepared, Control(run_folder, threading.Event()))) as run:
            yield from announce(run)
            if measure:
                yield measure_run(run)


def resume_config(folder: str) -> TrainingConfig:
    """The configuration of the run in `folder`, for `train(config, resume=True)`."""
    content = RunFolder(folder).description().get("config")
    if not isinstance(content, dict):
        raise TrainingError(f"{folder}/run.json holds no configuration.", "The run cannot be resumed.")
    # A run of an older version composed and replayed nothing.
    before = {} if "compose" in content else {"compose": 1, "replay": "0", "variation": "off"}
    if content.get("shuffle") is False:
        before = {}
    return dataclasses.replace(TrainingConfig.from_dict(content | before), out=str(folder))


def _watched(control: Control, progress: ReadProgress | None) -> ReadProgress:
    """Wrap `progress`: keep status.json fresh while data is read, and raise KeyboardInterrupt at a request to stop."""
    characters = 0

    def report(what: str, more: int) -> None:
        nonlocal characters
        characters += more
        control.poll(0, "starting", f"{what}: {characters / 1e6:.0f} million characters")
        if control.stopping:
            raise KeyboardInterrupt
        if progress is not None:
            progress(what, more)

    return report


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """Limit torch to `number` CPU threads; 0 keeps its own choice."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
