"""The state of a training run and what is done with it: step, evaluate, sample, save."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from ..checkpoints.checkpoint import Model
from ..data.batches import choose_sequences, make_batch, plan_epoch
from ..data.token_dataset import TokenDataset
from ..errors import PromptError, TrainingError
from ..evaluation.perplexity import Interrupted, evaluate_rows
from ..generation.config import SamplingConfig
from ..generation.generator import generate
from ..runs.events import Checkpointed, Evaluated, Event, Finished, Sampled, Stepped, Warned
from ..runs.folder import RunFolder
from ..system.distributed import World
from .checkpointing import load_trainer_state, save_checkpoint
from .config import TrainingConfig
from .control import Control
from .memory_estimate import block_matrices, checkpoint_bytes
from .setup import (
    Progress,
    build_model,
    check_before_start,
    check_unchanged,
    describe_data,
    fetch_data,
    largest_batch,
    load_data,
)  # fmt: skip
from .step import TrainStep
from .system_metrics import SystemMetrics
from .throughput import Stopwatch, Throughput
from .trackers import Tracker, build_trackers, grouped

KEPT = ("step", "tokens", "start_loss", "best", "since_best", "evaluated")  # of the loop, in trainer.pt
GENERAL_TOKENS = 20_000  # of the general text, at each evaluation
SAMPLING = SamplingConfig(temperature=0.7, max_new_tokens=60, seed=1)  # of the answers to the sample prompts


class TrainingRun:
    """The state of a run: what is trained, on what, and how far it has come.

    Attributes:
        step: optimiser steps done; total_steps: how many there will be.
        tokens: tokens read so far.
        start_loss: validation loss before the first step, infinite until then.
        best: lowest validation loss of the trained model, infinite before the first; best_step: its step; since_best:
            evaluations since.
        evaluated, saved: the step of the last evaluation and of the last checkpoint; -1 before the first.
        stopping: whether the user wants the run to end.
        watch: counts the seconds spent, from `begin` on.
    """

    def __init__(
        self, config: TrainingConfig, run: RunFolder, resume: bool, world: World, progress: Progress | None
    ) -> None:
        config = world.shared(world.attempt(lambda: fetch_data(config, progress)))
        self.config, self.run, self.world = config, run, world
        self.resumed = resume
        state = world.attempt(lambda: load_trainer_state(run)) if resume else None
        if resume:
            state = world.shared(state)
        self.model: Model = build_model(config, run, world, state is not None, progress)
        self.device, self.window = self.model.device, self.model.config.window
        self.data = load_data(config, self.model.template, self.window, world, progress)
        self.described_data = describe_data(config) if world.is_main else []
        if resume:
            world.attempt(lambda: check_unchanged(run.description().get("data"), self.described_data))
        self._held_out = choose_sequences(self.data.held_out, config.eval_tokens, config.seed)
        self._general = choose_sequences(self.data.general, min(GENERAL_TOKENS, config.eval_tokens), config.seed)
        self._epoch = -1
        self._start_epoch(0)
        self.per_epoch = math.ceil(len(self._plan) / config.accumulate)
        self.total_steps = config.steps or max(1, round(config.epochs * self.per_epoch))
        self.trainable = sum(p.numel() for p in self.model.network.parameters() if p.requires_grad)
        self.preflight = check_before_start(config, self.model, self.data, self.per_epoch, self.total_steps, world)
        self.trainer = TrainStep(
            self.model.network, config, self.device, self.total_steps, world, self.preflight.micro_tokens
        )
        place = f"{self.device.describe()}, {world.size} processes"
        self.pace, self.readings = Throughput(place), SystemMetrics(self.device)
        self.step, self.tokens, self.since_best = 0, 0, 0
        self.start_loss = self.best = math.inf
        self.best_step: int | None = None
        self.watch = Stopwatch()
        self.evaluated = self.saved = -1
        if state is not None:
            self._restore(state)
        if world.size > 1:
            self.trainer.rehearse(*largest_batch(config, self.data, self.window))
        run.truncate_after(self.step if state is not None else -1)
        self.stopping = self._save_again = False
        self._warnings: list[Warned] = []
        self.control: Control | None = None
        self.trackers: list[Tracker] = []

    def begin(self, control: Control) -> None:
        """The run starts: from now on it is steered, timed and tracked."""
        self.control = control
        self._tell_figures()
        control.look(self.step)
        self._take_prompts()
        self.watch.start()
        if self.world.is_main:
            settings = dataclasses.asdict(self.config)
            self.trackers = build_trackers(self.config.track, self.run.folder, settings, self.step)

    def close(self) -> None:
        """Ends what runs beside the loop."""
        self.readings.close()
        for tracker in self.trackers:
            tracker.close()

    def checkpoint_bytes(self) -> int:
        """What the checkpoints take on disk at most."""
        optimizer = "adamw" if self.config.public_recipe else self.config.optimizer
        matrices = block_matrices(self.model.config)
        lora = bool(self.config.lora_rank)
        return checkpoint_bytes(self.model.parameters, self.trainable, optimizer, matrices, lora)

    def finished(self, reason: str) -> Finished:
        folder = self.run.best if self.run.best.is_dir() else self.run.last
        return Finished(self.step, reason, None if math.isinf(self.best) else self.best, str(folder))

    # ------------------------------------------------------------------------------------------------ what is due

    def is_due(self, every: int) -> bool:
        """Whether something done every so many steps is due after this one; everything is at the end."""
        return self.step > 0 and (self.step == self.total_steps or (every > 0 and self.step % every == 0))

    def evaluation_is_due(self) -> bool:
        every = self.config.eval_every
        return every > 0 and self.evaluated != self.step and (self.step == 0 or self.is_due(every))

    def reason_to_end(self) -> str:
        """Why the run ends here; empty to go on."""
        if self.step >= self.total_steps and not (self.stopping and self.evaluation_is_due()):
            return "finished"
        if self.config.patience and self.since_best >= self.config.patience:
            return "early"
        return "stopped" if self.stopping else ""

    def checkpoint_is_due(self) -> bool:
        return self.is_due(self.config.checkpoint_every) or self._save_again

    def eta_s(self) -> float | None:
        """Seconds to the end, evaluations and checkpoints included; None before the first step."""
        return self.pace.eta_s(self.step, self.total_steps, self.config.eval_every, self.config.checkpoint_every)

    # ----------------------------------------------------------------------------------------------- what is done

    def _start_epoch(self, epoch: int) -> None:
        if epoch != self._epoch:
            tokens_per_batch = self.config.batch_size * self.window
            self._plan = plan_epoch(self.data.training, tokens_per_batch, self.config.seed, epoch, self.config.shuffle)
            self._epoch = epoch

    def _batch(self, place: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        """Batch `place` of this epoch: ids, targets, and tokens without padding."""
        sets, items = self.data.training, self._plan[place % len(self._plan)]
        ids, targets = make_batch(sets, items, self.config.loss_on == "assistant", self.window)
        read = sum(int(sets[number].sequences.lengths[row]) - 1 for number, row in items)
        return torch.from_numpy(ids), torch.from_numpy(targets), read

    def advance(self) -> Stepped:
        """One optimiser step."""
        start = time.perf_counter()
        self._start_epoch(self.step // self.per_epoch)
        first = self.step % self.per_epoch * self.config.accumulate
        parts = [self._batch(place) for place in range(first, first + self.config.accumulate)]
        read = sum(tokens for _, _, tokens in parts)
        before = self.trainer.micro_tokens
        loss, grad_norm, lr = self.trainer.step(self.step, [(ids, targets) for ids, targets, _ in parts])
        self.step += 1
        self.tokens += read
        if self.trainer.micro_tokens != before:
            self._memory_ran_out(max((ids for ids, _, _ in parts), key=torch.Tensor.numel).shape)
        self.pace.add_step(time.perf_counter() - start, read)
        return Stepped(
            step=self.step,
            total_steps=self.total_steps,
            tokens=self.tokens,
            loss=loss,
            perplexity=math.exp(min(loss, 700)),
            lr=lr,
            grad_norm=grad_norm if math.isfinite(grad_norm) else None,
            tokens_per_second=self.pace.tokens_per_second,
            eta_s=self.eta_s() or 0.0,
            seconds=self.watch.seconds,
            **self.readings.read(),
        )

    def log(self, stepped: Stepped) -> None:
        self._record(dataclasses.asdict(stepped))

    def _record(self, numbers: dict) -> None:
        numbers = {name: value for name, value in numbers.items() if value is not None}
        self.run.append(self.run.metrics, numbers)
        for tracker in self.trackers:
            tracker.log(self.step, grouped(numbers))

    def warnings(self) -> Iterator[Warned]:
        """What came up since the last call."""
        found, self._warnings = self._warnings, []
        yield from found

    def _memory_ran_out(self, shape: torch.Size) -> None:
        rows = max(1, self.trainer.micro_tokens // shape[1])
        self._warnings.append(
            Warned(
                self.step,
                f"There was not enough memory for {shape[0]} rows at once.",
                f"From now on {rows} pass at a time, with the same result.",
            )
        )

    def obey(self) -> Iterator[Event]:
        """Does what the control folder or Ctrl-C asks for. A run that is paused saves first, and waits here."""
        waiting = False
        while True:
            self.control.look(self.step)
            self._take_prompts()
            wishes, paused, self.stopping = self.world.shared(
                (self.control.take(), self.control.paused, self.control.stopping)
            )
            if "checkpoint" in wishes or (paused and not waiting):
                yield from self.save()
            if "sample" in wishes:
                yield from self.sample()
            if not paused:
                break
            waiting = True
            self.watch.stop()
            time.sleep(0.1)
        if waiting:
            self.watch.start()

    def _take_prompts(self) -> None:
        """Answers other prompts from now on, if the user wants it, also after a resume."""
        if self.control.prompts is None:
            return
        self.config = dataclasses.replace(self.config, sample_prompts=self.control.prompts)
        self.control.prompts = None
        description = self.run.description()
        description["config"]["sample_prompts"] = self.config.sample_prompts
        self.run.describe(description)

    def evaluate(self) -> Iterator[Event]:
        """Validation and general loss, the best checkpoint, and samples. A wish to stop breaks it off unrecorded."""
        start = time.perf_counter()
        try:
            val_loss = self._loss_on(self.data.held_out, self._held_out)
            general_loss = self._loss_on(self.data.general, self._general)
        except Interrupted:
            return
        is_best = self.step > 0 and val_loss is not None and val_loss < self.best
        self.evaluated = self.step
        self._save_again = self.saved == self.step  # that checkpoint does not know of this evaluation
        if is_best:
            self.best, self.best_step, self.since_best = val_loss, self.step, 0
            self._tell_figures()
        elif self.step > 0 and val_loss is not None:
            self.since_best += 1
        elif val_loss is not None:
            self.start_loss = val_loss
        if val_loss is not None or general_loss is not None:
            perplexities = [None if loss is None else math.exp(min(loss, 700)) for loss in (val_loss, general_loss)]
            losses = (val_loss, perplexities[0], general_loss, perplexities[1])
            event = Evaluated(self.step, self.tokens, self.watch.seconds, *losses, is_best)
            self._record(dataclasses.asdict(event))
            if is_best and self.world.is_main:
                self._save_model(self.run.best)
            yield event
        yield from self.sample()
        self.pace.add("evaluation", time.perf_counter() - start)

    def _loss_on(self, sets: list[TokenDataset], items: list[tuple[int, int]]) -> float | None:
        if not items:
            return None
        assistant_only = self.config.loss_on == "assistant"
        return evaluate_rows(
            self.model.network, self.device, sets, items, assistant_only, self.world, self._between_batches
        )

    def _between_batches(self) -> None:
        """Keeps the run alive and stoppable while it evaluates."""
        self.control.look(self.step)
        self.stopping = self.world.shared(self.control.stopping)
        if self.stopping:
            raise Interrupted

    def sample(self) -> Iterator[Event]:
        """Answers the fixed prompts with a fixed seed."""
        for prompt in self.config.sample_prompts if self.world.is_main else ():
            try:
                pieces = generate(self.model, [{"role": "user", "content": prompt}], SAMPLING)
                sample = Sampled(self.step, prompt, "".join(piece.text for piece in pieces))
            except PromptError as error:
                yield Warned(self.step, f"The sample prompt {prompt!r} cannot be answered: {error.what}", error.remedy)
                continue
            self.run.append(self.run.samples, dataclasses.asdict(sample))
            for tracker in self.trackers:
                tracker.text(self.step, prompt, sample.text)
            yield sample

    def save(self) -> Iterator[Checkpointed]:
        """Puts everything needed to go on into checkpoints/last."""
        if self.saved == self.step and not self._save_again:
            return
        start = time.perf_counter()
        state = {name: getattr(self, name) for name in KEPT} | {"pace": self.pace.state_dict()}
        state |= {"best_step": self.best_step, "seconds": self.watch.seconds}
        if self.world.is_main:
            self._save_model(self.run.last, {**self.trainer.state_dict(), **state})
        self.saved, self._save_again = self.step, False
        self.pace.add("checkpoint", time.perf_counter() - start)
        yield Checkpointed(self.step, str(self.run.last))

    def _save_model(self, folder: Path, trainer_state: dict | None = None) -> None:
        self.run.refuse_if_deleted()
        model = dataclasses.replace(self.model, details={**self.model.details, "step": self.step})
        save_checkpoint(model, folder, trainer_state)

    def _tell_figures(self) -> None:
        """What status.json says from its next writing on."""
        best = {"best_val_loss": self.best, "best_step": self.best_step} if math.isfinite(self.best) else {}
        self.run.figures |= {"total_steps": self.total_steps, **best}

    def last_words(self) -> Iterator[Warned]:
        """What should be known about the result."""
        if self.start_loss < self.best < math.inf:
            yield Warned(
                self.step,
                "The validation loss was never lower than before the first step.",
                "More data, or a lower learning rate (--lr), may help.",
            )

    def _restore(self, state: dict) -> None:
        try:
            self.trainer.load_state_dict(state)
            for name in KEPT:
                setattr(self, name, state[name])
            self.pace.load_state_dict(state["pace"])
            self.best_step = state.get("best_step")  # these two came later
            self.watch = Stopwatch(state.get("seconds", 0.0))
        except (KeyError, ValueError) as error:
            raise TrainingError(
                f"The checkpoint {self.run.last} was made by another version of i3core.",
                "Start a new run from it with --model.",
            ) from error
        self.saved = self.step
        if self.step > self.total_steps:
            raise TrainingError(
                f"The run has already come to step {self.step}, and {self.total_steps} were asked for.",
                "Give it more --steps or --epochs.",
            )
