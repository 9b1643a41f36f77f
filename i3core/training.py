"""Pre-training and fine-tuning: `train(config)` yields plain events and keeps a run folder.

The loop reads as: set the rate, step, log, obey, evaluate, save. Batches depend on seed and step alone and a
checkpoint holds the optimiser whole, so a resumed run goes on exactly as if it had not stopped.
"""

from __future__ import annotations

import dataclasses
import math
import platform
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from . import __version__, checkpoint
from .config import preset
from .data import TokenRows, WeightedRows, make_batch, parse_source, plan_epoch, tokenize_file
from .device import DeviceChoice, choose_device, is_out_of_memory, memory_used_bytes
from .errors import DataError, I3Error, TrainingError
from .evaluation import evaluate_rows
from .events import Checkpointed, Evaluated, Event, Finished, Sampled, Started, Stepped
from .files import file_sha256
from .model import I3Network
from .optimization import build_optimizers, learning_rate_factor
from .run import RunFolder
from .settings import SamplingConfig, TrainingConfig
from .template import ChatTemplate
from .tokenizer import ChunkTokenizer
from .trainer_state import load_trainer_state, save_checkpoint


class Trainer:
    """A network and its optimisers: one `step` from batches to new weights."""

    def __init__(self, network: I3Network, config: TrainingConfig, device: DeviceChoice, total_steps: int) -> None:
        self.network, self.config, self.device, self.total_steps = network, config, device, total_steps
        self.optimizers = build_optimizers(network, config)
        # The public recipe's schedule: a cosine over all steps, down to a tenth.
        self.schedule = (
            dataclasses.replace(config, decay_share=1.0, min_lr_share=0.1) if config.public_recipe else config
        )
        self.scaler = torch.amp.GradScaler(enabled=device.precision == "float16")

    def step(self, step: int, batches: list[tuple[Tensor, Tensor]]) -> tuple[float, float, float]:
        """One optimiser step over `batches` of (ids, targets). Returns mean loss, gradient norm, learning rate."""
        self.network.train()
        factor = learning_rate_factor(self.schedule, step, self.total_steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * factor
        counts = [max(1, int((targets >= 0).sum())) for _, targets in batches]
        total = 0.0
        for (ids, targets), count in zip(batches, counts, strict=True):
            ids, targets = ids.to(self.device.name), targets.to(self.device.name)
            with self.device.autocast():
                loss = self.network.loss(ids, targets) * (count / sum(counts))
            self.scaler.scale(loss).backward()
            total += loss.item()
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        grad_norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.grad_clip).item()
        if not math.isfinite(total) or not (math.isfinite(grad_norm) or self.scaler.is_enabled()):
            raise TrainingError(
                f"The loss became {total:.4g} and its gradient {grad_norm:.4g} at step {step + 1}.",
                "Resume from the last checkpoint with a lower learning rate (--lr).",
            )
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        self.scaler.update()
        return total, grad_norm, self.config.lr * factor

    def state_dict(self) -> dict:
        return {"optimizers": [o.state_dict() for o in self.optimizers], "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
            for group in optimizer.param_groups:
                group["peak_lr"] = self.config.lr  # may have been given anew
        self.scaler.load_state_dict(state["scaler"])


def train(config: TrainingConfig, resume: bool = False) -> Iterator[Event]:
    """Runs `config` and yields what happens. With `resume`, goes on from the last checkpoint in `config.out`.

    Raises:
        TrainingError, DataError, CheckpointError, ConfigError, DeviceError: with the remedy; the last checkpoint
        stays intact.
    """
    run = RunFolder(config.out)
    if resume:
        run.refuse_if_running()
    else:
        run.create()
    step = 0
    try:
        run.write_status("starting", 0)
        for event in _train(config, run, resume):
            step = getattr(event, "step", step)
            yield event
    except I3Error as error:
        _report(run, "failed", step, str(error))
        raise
    except OSError as error:
        failure = TrainingError(
            f"The run folder {run.folder} cannot be written: {error.strerror or error}.",
            "Free some disk space, then --resume; the last checkpoint is intact.",
        )
        _report(run, "failed", step, str(failure))
        raise failure from error
    except (GeneratorExit, KeyboardInterrupt):
        _report(run, "interrupted", step)
        raise
    except Exception as error:
        failure = error
        if is_out_of_memory(error):
            failure = TrainingError("There is not enough memory for a step.", "Resume with a smaller --batch-size.")
        _report(run, "failed", step, str(failure) or repr(failure))
        if failure is error:
            raise
        raise failure from error


def _report(run: RunFolder, state: str, step: int, error: str = "") -> None:
    """Writes how a run ended to status.json, if the disk still takes it."""
    try:
        run.write_status(state, step, error)
    except I3Error:
        pass


def resume_config(folder: str | Path) -> TrainingConfig:
    """The configuration of the run in `folder`, for `train(config, resume=True)`."""
    content = RunFolder(folder).description().get("config")
    if not isinstance(content, dict):
        raise TrainingError(f"{folder}/run.json holds no configuration.", "The run cannot be resumed.")
    return dataclasses.replace(TrainingConfig.from_dict(content), out=str(folder))


def _train(config: TrainingConfig, run: RunFolder, resume: bool) -> Iterator[Event]:
    loop = _Loop(config, run, resume)
    if not resume:
        run.describe(loop.description())
    elif dataclasses.asdict(config) != run.description()["config"]:  # options given with --resume hold from now on
        run.describe({**run.description(), "config": dataclasses.asdict(config)})
    yield loop.started()
    if loop.step == 0 and config.eval_every:
        yield from loop.evaluate()
    run.write_status("running", loop.step)
    stopped = False
    with _stop_on_interrupt() as interrupted:
        while loop.step < loop.total_steps and not stopped:
            stepped = loop.advance()
            if loop.is_due(config.log_every):
                run.append(run.metrics, dataclasses.asdict(stepped))
                yield stepped
            wishes = loop.obey(interrupted)
            stopped = "stop" in wishes
            if stopped:
                run.write_status("stopping", loop.step)
            if config.eval_every and loop.is_due(config.eval_every):
                yield from loop.evaluate()
            if stopped or "checkpoint" in wishes or loop.is_due(config.checkpoint_every):
                yield loop.save()
    run.write_status("interrupted" if stopped else "finished", loop.step)
    yield loop.finished("stopped" if stopped else "finished")


class _Loop:
    """The state of a run: what is trained, on what, and how far it has come.

    Attributes:
        step: optimiser steps done; total_steps: how many there will be.
        tokens: tokens read so far.
        best: lowest validation loss so far, infinite before the first.
    """

    def __init__(self, config: TrainingConfig, run: RunFolder, resume: bool) -> None:
        self.config, self.run = config, run
        self.device = choose_device(config.device, config.precision)
        torch.manual_seed(config.seed)
        saved = load_trainer_state(run) if resume else None
        self.model = _build_model(config, run, self.device, from_checkpoint=saved is not None)
        self.window = self.model.config.window
        self.sets, self.held_out = _load_data(config, self.model.template, self.window)
        self._epoch = -1
        self._start_epoch(0)
        self.per_epoch = math.ceil(len(self._plan) / config.accumulate)
        self.total_steps = config.steps or max(1, round(config.epochs * self.per_epoch))
        self.trainer = Trainer(self.model.network, config, self.device, self.total_steps)
        self.step, self.tokens, self.best = 0, 0, math.inf
        if saved is not None:
            self.trainer.load_state_dict(saved)
            self.step, self.tokens, self.best = saved["step"], saved["tokens"], saved["best"]
        run.truncate_after(self.step if saved is not None else -1)
        self._recent: deque[tuple[float, int]] = deque(maxlen=50)  # seconds and tokens of the last steps
        self._heartbeat = time.monotonic()

    def _start_epoch(self, epoch: int) -> None:
        if epoch != self._epoch:
            tokens_per_batch = self.config.batch_size * self.window
            self._plan = plan_epoch(self.sets, tokens_per_batch, self.config.seed, epoch)
            self._epoch = epoch
            if not self._plan:
                raise DataError("The weights of the data leave nothing to train on.", "Raise them, or add data.")

    def is_due(self, every: int) -> bool:
        """Whether something done every so many steps is due; everything is at the end."""
        return self.step == self.total_steps or (every > 0 and self.step % every == 0)

    def description(self) -> dict:
        """What run.json says: configuration, base model, data, versions, device."""
        files = [parse_source(argument)[0] for argument in self.config.data]
        files += [Path(self.config.val)] if self.config.val else []
        return {
            "config": dataclasses.asdict(self.config),
            "model": self.model.name,
            "parameters": self.model.parameters,
            "data": [{"file": str(p), "bytes": p.stat().st_size, "sha256": file_sha256(p)} for p in files],
            "device": self.device.describe(),
            "versions": {"i3core": __version__, "torch": torch.__version__, "python": platform.python_version()},
            "started": time.time(),
        }

    def started(self) -> Started:
        tokens = [len(part.rows.tokens) for part in self.sets]
        return Started(
            out=str(self.run.folder),
            step=self.step,
            total_steps=self.total_steps,
            parameters=self.model.parameters,
            rows=sum(len(part.rows) for part in self.sets),
            tokens_per_epoch=int(sum(n * part.weight for n, part in zip(tokens, self.sets, strict=True))),
            unknown_share=sum(part.rows.unknown for part in self.sets) / sum(tokens),
            device=self.device.describe(),
        )

    def finished(self, reason: str) -> Finished:
        folder = self.run.best if self.run.best.is_dir() else self.run.last
        return Finished(self.step, reason, None if math.isinf(self.best) else self.best, str(folder))

    def advance(self) -> Stepped:
        """One optimiser step."""
        self._start_epoch(self.step // self.per_epoch)
        first = self.step % self.per_epoch * self.config.accumulate
        batches, read = [], 0
        for place in range(first, first + self.config.accumulate):
            items = self._plan[place % len(self._plan)]
            ids, targets = make_batch(self.sets, items, self.config.loss_on == "assistant", self.window)
            read += sum(len(self.sets[number].rows.row(row)[0]) - 1 for number, row in items)
            batches.append((torch.from_numpy(ids), torch.from_numpy(targets)))
        start = time.perf_counter()
        loss, grad_norm, lr = self.trainer.step(self.step, batches)
        self.step += 1
        self.tokens += read
        self._recent.append((time.perf_counter() - start, read))
        seconds = sum(s for s, _ in self._recent)
        return Stepped(
            step=self.step,
            total_steps=self.total_steps,
            tokens=self.tokens,
            loss=loss,
            lr=lr,
            grad_norm=grad_norm,
            tokens_per_second=sum(n for _, n in self._recent) / seconds,
            eta_s=seconds / len(self._recent) * (self.total_steps - self.step),
            rss_bytes=memory_used_bytes(),
        )

    def obey(self, interrupted: threading.Event) -> set[str]:
        """What the control folder or Ctrl-C asks for; waits while paused."""
        if time.monotonic() - self._heartbeat > 5:
            self.run.write_status("running", self.step)
            self._heartbeat = time.monotonic()
        wishes = self.run.take_controls()
        if "pause" in wishes and not wishes & {"resume", "stop"}:
            wishes |= _pause(self.run, self.step, interrupted)
        return wishes | {"stop"} if interrupted.is_set() else wishes

    def evaluate(self) -> Iterator[Event]:
        """Validation loss, the best checkpoint, and samples."""
        if self.held_out is not None:
            assistant_only = self.config.loss_on == "assistant"
            loss = evaluate_rows(
                self.model.network, self.device, self.held_out, self.config.eval_tokens, assistant_only
            )
            event = Evaluated(self.step, self.tokens, loss, math.exp(min(loss, 700)), loss < self.best)
            self.best = min(self.best, loss)
            self.run.append(self.run.metrics, dataclasses.asdict(event))
            if event.is_best and self.step:
                save_checkpoint(self.model, self.run.best)
            yield event
        for sample in _samples(self.model, self.config, self.step):
            self.run.append(self.run.samples, dataclasses.asdict(sample))
            yield sample

    def save(self) -> Checkpointed:
        """Puts everything needed to go on into checkpoints/last."""
        state = {"step": self.step, "tokens": self.tokens, "best": self.best}
        save_checkpoint(self.model, self.run.last, {**self.trainer.state_dict(), **state})
        return Checkpointed(self.step, str(self.run.last))


def _build_model(
    config: TrainingConfig, run: RunFolder, device: DeviceChoice, from_checkpoint: bool
) -> checkpoint.Model:
    if from_checkpoint:
        model = checkpoint.load(run.last, config.device, "float32")
    elif config.model:
        model = checkpoint.load(config.model, config.device, "float32")
    else:
        tokenizer = ChunkTokenizer.from_file(config.tokenizer)
        sizes = preset(config.preset, vocab_size=tokenizer.vocab_size)
        network = I3Network(sizes).to(device.name)
        template = ChatTemplate.for_model(tokenizer)
        model = checkpoint.Model(network, tokenizer, sizes, template, device, config.preset, None, {})
    return dataclasses.replace(model, device=device, details={**model.details, "name": Path(config.out).resolve().name})


def _load_data(
    config: TrainingConfig, template: ChatTemplate, window: int
) -> tuple[list[WeightedRows], TokenRows | None]:
    """Training sets and held-out rows. Raises DataError naming the file and line that cannot be read."""
    sets = []
    held_out: list[TokenRows] = []
    for number, argument in enumerate(config.data):
        path, weight = parse_source(argument)
        rows = tokenize_file(path, template, window)
        if not config.val and config.val_share and len(rows) >= 20:
            rows, rest = rows.split(config.val_share, f"{config.seed}/{number}")
            held_out.append(rest)
        sets.append(WeightedRows(rows, weight))
    if config.val:
        return sets, tokenize_file(config.val, template, window).shuffled(config.seed)
    return sets, TokenRows.joined(held_out).shuffled(config.seed) if held_out else None


def _samples(model: checkpoint.Model, config: TrainingConfig, step: int) -> Iterator[Sampled]:
    if not config.sample_prompts:
        return
    from .generation import generate

    for prompt in config.sample_prompts:
        sampling = SamplingConfig(temperature=0.7, max_new_tokens=60, seed=1)
        pieces = generate(model, [{"role": "user", "content": prompt}], sampling)
        yield Sampled(step, prompt, "".join(piece.text for piece in pieces))


def _pause(run: RunFolder, step: int, interrupted: threading.Event) -> set[str]:
    """Waits for resume or stop. Returns the wishes that ended the pause."""
    written = -math.inf
    wishes: set[str] = set()
    while not interrupted.is_set():
        if time.monotonic() - written > 5:
            run.write_status("paused", step)
            written = time.monotonic()
        wishes |= run.take_controls()
        if wishes & {"resume", "stop"}:
            run.write_status("running", step)
            return wishes
        time.sleep(0.2)
    return wishes | {"stop"}


@contextmanager
def _stop_on_interrupt() -> Iterator[threading.Event]:
    """Sets the event at the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def ask(number: int, frame: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
