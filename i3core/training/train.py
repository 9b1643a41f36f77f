"""Pre-training and fine-tuning: `train(config)` yields plain events and keeps a run folder.

The loop reads as: evaluate, save, step, log, obey. Batches depend on seed and step alone and a checkpoint holds the
optimiser whole, so a resumed run goes on exactly as if it had not stopped.
"""

from __future__ import annotations

import contextlib
import dataclasses
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
from .run_info import announce, describe_run
from .setup import Progress, check_run_folder
from .time_estimate import measure_run
from .trackers import check_trackers


def train(
    config: TrainingConfig,
    resume: bool = False,
    world: World | None = None,
    progress: Progress | None = None,
) -> Iterator[Event]:
    """Runs `config` and yields what happens. With `resume`, goes on from the last checkpoint in `config.out`.

    Under `torchrun` all processes train together and the first one alone yields events.

    Args:
        world: the processes, if the caller has joined them already.
        progress: told what is being read, and how many more characters of it.

    Raises:
        TrainingError, DataError, CheckpointError, ConfigError, DeviceError: with the remedy; the last checkpoint
        stays intact.
    """
    check_trackers(config.track)
    check_run_folder(config)
    with joined_world() if world is None else contextlib.nullcontext(world) as world:
        run = RunFolder(config.out) if world.is_main else SilentRunFolder(config.out)
        step = world.attempt(run.open if resume else run.create) or 0
        run.poll_commands()  # meant for an earlier start
        try:
            run.write_status("starting", step)
            for event in _train(config, run, resume, world, progress):
                step = getattr(event, "step", step)
                if isinstance(event, Warned):
                    run.note_warning(event.what, event.remedy)
                if world.is_main:
                    yield event
        except I3Error as error:
            run.refuse_if_deleted()  # that is why, whatever it was that could not be written
            _report(run, "failed", step, str(error))
            raise
        except OSError as error:
            run.refuse_if_deleted()
            failure = TrainingError(
                f"{error.filename or run.folder} cannot be read or written: {error.strerror or error}.",
                "Check the disk and its free space, then --resume; the last checkpoint is intact.",
            )
            _report(run, "failed", step, str(failure))
            raise failure from error
        except (GeneratorExit, KeyboardInterrupt):
            _report(run, "interrupted", step)
            raise
        except Exception as error:
            failure = error
            if is_out_of_memory(error):
                failure = TrainingError(
                    "There is not enough memory for a step.",
                    "Close other programs and --resume, or train a smaller model or a part of it (--lora-rank 8).",
                )
            elif world.size > 1 and isinstance(error, RuntimeError) and "onnection" in str(error):
                failure = TrainingError(
                    "Another process of this run ended, or the network failed.", "Look at what it said, then --resume."
                )
            _report(run, "failed", step, str(failure) or repr(failure))
            if failure is error:
                raise
            raise failure from error


def rehearse(config: TrainingConfig, progress: Progress | None = None, measure: bool = False) -> Iterator[Event]:
    """Reads model and data as `train` would, yields what it found (DataRead, Warned, Started) and trains nothing.

    With `measure`, some steps are done and thrown away, to tell how long the run will take (Measured).
    """
    check_trackers(config.track)
    run = SilentRunFolder(config.out)
    with _threads(config.threads), contextlib.closing(TrainingRun(config, run, False, World(), progress)) as loop:
        yield from announce(loop)
        if measure:
            yield measure_run(loop)


def resume_config(folder: str) -> TrainingConfig:
    """The configuration of the run in `folder`, for `train(config, resume=True)`."""
    content = RunFolder(folder).description().get("config")
    if not isinstance(content, dict):
        raise TrainingError(f"{folder}/run.json holds no configuration.", "The run cannot be resumed.")
    return dataclasses.replace(TrainingConfig.from_dict(content), out=str(folder))


def _watched(control: Control, progress: Progress | None) -> Progress:
    """`progress`, which also keeps status.json fresh while much data is read, and breaks off if the user wants it."""
    characters = 0

    def tell(what: str, more: int) -> None:
        nonlocal characters
        characters += more
        control.look(0, "starting", f"{what}: {characters / 1e6:.0f} million characters")
        if control.stopping:
            raise KeyboardInterrupt
        if progress is not None:
            progress(what, more)

    return tell


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """torch works with so many threads of the CPU; 0 for as many as it likes."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _report(run: RunFolder, state: str, step: int, error: str = "") -> None:
    """Writes how a run ended to status.json, if the disk still takes it."""
    try:
        run.write_status(state, step, error)
    except I3Error:
        pass


def _train(
    config: TrainingConfig, run: RunFolder, resume: bool, world: World, progress: Progress | None
) -> Iterator[Event]:
    with interruption() as interrupted, _threads(config.threads):
        control = Control(run, interrupted)
        with contextlib.closing(TrainingRun(config, run, resume, world, _watched(control, progress))) as loop:
            run.describe(describe_run(loop))
            yield from announce(loop)
            loop.begin(control)
            reason = ""
            while not reason:
                if loop.evaluation_is_due() and not loop.stopping:
                    yield from loop.evaluate()
                reason = loop.reason_to_end()
                if reason == "stopped":
                    run.write_status("stopping", loop.step)
                if reason or loop.checkpoint_is_due():
                    yield from loop.save()
                if reason:
                    break
                stepped = loop.advance()
                yield from loop.warnings()
                if loop.is_due(config.log_every):
                    loop.log(stepped)
                    yield stepped
                yield from loop.obey()
            yield from loop.last_words()
            run.write_status("interrupted" if reason == "stopped" else "finished", loop.step)
            yield loop.finished(reason)
