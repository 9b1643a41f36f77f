"""A training run in progress: step, evaluate, sample, save."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..errors import PromptError, TrainingError
from ..evaluation.perplexity import Interrupted, evaluate_sequences
from ..generation.config import SamplingConfig
from ..generation.generator import generate
from ..runs.events import Checkpointed, Evaluated, Event, Finished, Sampled, Stepped, Warned
from ..text.unreadable import notice
from .checkpointing import save_checkpoint
from .control import Control
from .finite import explained, refuse_unless_finite
from .memory_estimate import block_matrices, checkpoint_bytes
from .run_data import EvaluationSet
from .setup import PreparedRun
from .state import TrainingState
from .step import TrainStep
from .system_metrics import SystemMetrics
from .talk import Talk
from .throughput import Stopwatch, Throughput
from .trackers import Tracker, build_trackers, grouped

SAMPLING = SamplingConfig(temperature=0.7, max_new_tokens=60, seed=1)  # of the replies to the sample prompts


class TrainingRun:
    """A prepared run and its progress.

    On ranks other than 0 it writes nothing.

    Attributes:
        config: as prepared, with the current sample prompts.
        state: what a checkpoint saves; saved: step of the last checkpoint, -1 before the first.
        stopping: whether the user wants the run to end.
        stopwatch: training time; runs from `start` on.
    """

    def __init__(self, prepared: PreparedRun, control: Control) -> None:
        self.prepared, self.control = prepared, control
        self.config, self.run_folder, self.world = prepared.config, prepared.run_folder, prepared.world
        self.model, self.device, self.data = prepared.model, prepared.device, prepared.data
        self.batches, self.total_steps = prepared.batches, prepared.total_steps
        micro_tokens = prepared.preflight.micro_tokens
        self.train_step = TrainStep(
            self.model.network, self.config, self.device, self.total_steps, self.world, micro_tokens
        )
        self.throughput = Throughput(f"{self.device.describe()}, {self.world.size} processes")
        self.system_metrics = SystemMetrics(self.device)
        self.state, self.saved = TrainingState(), -1
        if prepared.trainer_state is not None:
            self._restore(prepared.trainer_state)
        self.stopwatch = Stopwatch(self.state.seconds)
        if self.world.size > 1:
            self.train_step.find_micro_batch(*prepared.largest_batch)
        self.run_folder.truncate_after(self.saved)
        self.stopping = self._save_again = False
        self._warnings: list[Warned] = []
        check = self.data.check
        self._talk = None if check is None else Talk(check, self.config.model, self.device)
        self._trackers: list[Tracker] = []
        self._warned_prompts: set[str] = set()  # which cannot be read whole

    def start(self) -> None:
        """Start the stopwatch and the trackers; from now on the control folder is obeyed."""
        self._update_figures()
        self.control.poll(self.state.step)
        self._apply_new_prompts()
        self.stopwatch.start()
        if self.world.is_main:
            settings = dataclasses.asdict(self.config)
            self._trackers = build_trackers(self.config.track, self.run_folder.folder, settings, self.state.step)

    def close(self) -> None:
        """Close the trackers and NVML."""
        self.system_metrics.close()
        for tracker in self._trackers:
            tracker.close()

    def checkpoint_bytes(self) -> int:
        """Largest size of the checkpoints on disk."""
        optimizer = "adamw" if self.config.public_recipe else self.config.optimizer
        matrices = block_matrices(self.model.config)
        lora = bool(self.config.lora_rank)
        return checkpoint_bytes(self.model.parameters, self.prepared.trainable, optimizer, matrices, lora)

    def finished(self, reason: str) -> Finished:
        folder = self.run_folder.best if self.run_folder.best.is_dir() else self.run_folder.last
        best = None if math.isinf(self.state.best) else self.state.best
        return Finished(self.state.step, reason, best, str(folder))

    # ------------------------------------------------------------------------------------------------ what is due

    def is_due(self, every: int) -> bool:
        """Whether something done every `every` steps is due after this one.

        Everything is due at the end.
        """
        step = self.state.step
        return step > 0 and (step == self.total_steps or (every > 0 and step % every == 0))

    def evaluation_is_due(self) -> bool:
        every, step = self.config.eval_every, self.state.step
        return every > 0 and self.state.evaluated != step and (step == 0 or self.is_due(every))

    def checkpoint_is_due(self) -> bool:
        return self.is_due(self.config.checkpoint_every) or self._save_again

    def reason_to_end(self) -> str:
        """Why the run ends here; empty if it continues."""
        if self.state.step >= self.total_steps and not (self.stopping and self.evaluation_is_due()):
            return "finished"
        if self.config.patience and self.state.since_best >= self.config.patience:
            return "early"
        return "stopped" if self.stopping else ""

    def eta_s(self) -> float | None:
        """Seconds to the end, evaluations and checkpoints included; None before the first step."""
        return self.throughput.eta_s(
            self.state.step, self.total_steps, self.config.eval_every, self.config.checkpoint_every
        )

    # ----------------------------------------------------------------------------------------------- steps

    def advance(self) -> Stepped:
        """Do one optimiser step."""
        start, state = time.perf_counter(), self.state
        rows = self.batches.of_step(state.step)
        batches = [self.batches.tensors(each) for each in rows]
        tokens = sum(map(self.batches.tokens, rows))
        micro_tokens = self.train_step.micro_tokens
        loss, grad_norm, lr = self.train_step.step(state.step, batches)
        state.step += 1
        state.tokens += tokens
        if self.train_step.micro_tokens != micro_tokens:
            self._warn_of_smaller_batches(max((ids for ids, _ in batches), key=torch.Tensor.numel).shape)
        self.throughput.add_step(time.perf_counter() - start, tokens)
        return Stepped(
            step=state.step,
            total_steps=self.total_steps,
            tokens=state.tokens,
            loss=loss,
            perplexity=math.exp(min(loss, 700)),
            lr=lr,
            grad_norm=grad_norm if math.isfinite(grad_norm) else None,
            tokens_per_second=self.throughput.tokens_per_second,
            eta_s=self.eta_s() or 0.0,
            seconds=self.stopwatch.seconds,
            **self.system_metrics.read(),
        )

    def log(self, stepped: Stepped) -> None:
        self._record(dataclasses.asdict(stepped))

    def _record(self, numbers: dict) -> None:
        numbers = {name: value for name, value in numbers.items() if value is not None and math.isfinite(value)}
        self.run_folder.append(self.run_folder.metrics, numbers)
        for tracker in self._trackers:
            tracker.log(self.state.step, grouped(numbers))

    def take_warnings(self) -> Iterator[Warned]:
        """Warnings since the last call."""
        warnings, self._warnings = self._warnings, []
        yield from warnings

    def _warn_of_smaller_batches(self, shape: torch.Size) -> None:
        fitting = max(1, self.train_step.micro_tokens // shape[1])
        self._warnings.append(
            Warned(
                self.state.step,
                f"There was not enough memory for {shape[0]} sequences at once.",
                f"From now on {fitting} are processed at a time, with the same result.",
            )
        )

    def closing_warnings(self) -> Iterator[Warned]:
        """Warnings about the result of the run."""
        if self.data.check is None and self.state.start_loss < self.state.best < math.inf:
            yield Warned(
                self.state.step,
                "The validation loss was never lower than before the first step.",
                "More data or a lower learning rate (--lr) may help.",
            )

    # ----------------------------------------------------------------------------------------------- control

    def handle_commands(self) -> Iterator[Event]:
        """Do what the control folder or Ctrl-C asks for.

        A paused run saves, then waits here.
        """
        waiting = False
        while True:
            self.control.poll(self.state.step)
            self._apply_new_prompts()
            requests, paused, self.stopping = self.world.shared(
                (self.control.take_requests(), self.control.paused, self.control.stopping)
            )
            if "checkpoint" in requests or (paused and not waiting):
                yield from self.save()
            if "sample" in requests:
                yield from self.sample()
            if not paused:
                break
            waiting = True
            self.stopwatch.stop()
            time.sleep(0.1)
        if waiting:
            self.stopwatch.start()

    def _apply_new_prompts(self) -> None:
        """Use the sample prompts from the control folder, if any, also after a resume."""
        if self.control.prompts is None:
            return
        self.config = dataclasses.replace(self.config, sample_prompts=self.control.prompts)
        self.control.prompts = None
        description = self.run_folder.description()
        description["config"]["sample_prompts"] = self.config.sample_prompts
        self.run_folder.describe(description)

    def _check_stop(self) -> None:
        """Show a sign of life between batches of an evaluation.

        Raises Interrupted if the user wants to stop.
        """
        self.control.poll(self.state.step)
        self.stopping = self.world.shared(self.control.stopping)
        if self.stopping:
            raise Interrupted

    # ----------------------------------------------------------------------------------------------- evaluation

    def evaluate(self) -> Iterator[Event]:
        """Compute validation and retention loss, save the best checkpoint, and sample.

        A request to stop ends the evaluation; then nothing of it is recorded.
        """
        start, state = time.perf_counter(), self.state
        try:
            val_loss = self._loss_on(self.data.validation)
            retention_loss = self._loss_on(self.data.retention)
            refuse_unless_finite(state.step, val_loss, retention_loss)
            with explained(state.step):
                talk = self.world.shared(self._measure_talk())
        except Interrupted:
            return
        event = Evaluated(
            step=state.step,
            tokens=state.tokens,
            seconds=self.stopwatch.seconds,
            val_loss=val_loss,
            val_perplexity=_perplexity(val_loss),
            general_loss=retention_loss,
            general_perplexity=_perplexity(retention_loss),
            is_best=False,
            **talk,
        )
        score = -1.0 if event.score is None else event.score
        loss = math.inf if val_loss is None else val_loss
        judged = event.score is not None or val_loss is not None
        is_best = state.step > 0 and judged and (score, -loss) > (state.best_score, -state.best)
        state.evaluated = state.step
        self._save_again = self.saved == state.step  # that checkpoint lacks this evaluation
        if state.step == 0:
            state.start_loss = loss
        elif is_best:
            state.best, state.best_score, state.best_step, state.since_best = loss, score, state.step, 0
            self._update_figures()
        elif judged:
            state.since_best += 1
        if judged or retention_loss is not None:
            event = dataclasses.replace(event, is_best=is_best)
            self._record(dataclasses.asdict(event))
            if is_best and self.world.is_main:
                self._save_model(self.run_folder.best)
            yield event
        yield from self.sample()
        self.throughput.add("evaluation", time.perf_counter() - start)

    def _loss_on(self, held_out: EvaluationSet) -> float | None:
        if not held_out.items:
            return None
        replies_only = self.config.loss_on == "assistant"
        network, datasets = self.model.network, held_out.datasets
        return evaluate_sequences(
            network, self.device, datasets, held_out.items, replies_only, self.world, self._check_stop
        )

    def _measure_talk(self) -> dict[str, Any]:
        """The fields of Evaluated for questions and everyday talk; {} if nothing is asked."""
        if self._talk is None or not self.world.is_main:
            return {}
        # A stop is heeded by all processes at once, or not before the next step.
        between = self._check_stop if self.world.size == 1 else lambda: None
        return self._talk.measure(self.model, self.state.step, between)

    def sample(self) -> Iterator[Event]:
        """Reply to the sample prompts with a fixed seed."""
        replies: dict[str, str] = {}
        for prompt in self.config.sample_prompts if self.world.is_main else ():
            unreadable = notice(self.model.template.unreadable(prompt))
            if unreadable and prompt not in self._warned_prompts:
                self._warned_prompts.add(prompt)
                what = f"In the sample prompt {prompt!r}, {unreadable}."
                yield Warned(self.state.step, what, "Write it in characters that the model knows.")
            try:
                with explained(self.state.step):
                    pieces = list(generate(self.model, [{"role": "user", "content": prompt}], SAMPLING))
                text = "".join(piece.text for piece in pieces)
                is_cut = pieces[-1].finish_reason == "length"
                sample = Sampled(self.state.step, prompt, f"{text.rstrip()}…" if is_cut else text)
            except PromptError as error:
                what = f"The sample prompt {prompt!r} cannot be answered: {error.what}"
                yield Warned(self.state.step, what, error.remedy)
                continue
            self.run_folder.append(self.run_folder.samples, dataclasses.asdict(sample))
            replies[prompt] = sample.text
            yield sample
        for tracker in self._trackers if replies else ():
            tracker.samples(self.state.step, replies)

    # ----------------------------------------------------------------------------------------------- checkpoints

    def save(self) -> Iterator[Checkpointed]:
        """Write everything needed to continue into checkpoints/last."""
        state = self.state
        if self.saved == state.step and not self._save_again:
            return
        start = time.perf_counter()
        state.seconds = self.stopwatch.seconds
        if self.world.is_main:
            refuse_unless_finite(self.state.step, self._loss_of_a_sequence())
            progress = {**state.to_dict(), "pace": self.throughput.state_dict()}
            self._save_model(self.run_folder.last, {**self.train_step.state_dict(), **progress})
        self.saved, self._save_again = state.step, False
        self.throughput.add("checkpoint", time.perf_counter() - start)
        yield Checkpointed(state.step, str(self.run_folder.last))

    def _loss_of_a_sequence(self) -> float:
        """Loss on the first sequence of the next step; the loss of a step is that of the weights before it."""
        batch = self.batches.tensors(self.batches.of_step(self.state.step)[0])
        ids, targets = (tensor[:1].to(self.device.name) for tensor in batch)
        with torch.no_grad(), self.device.autocast():
            return self.model.network.loss(ids, targets).item()

    def _save_model(self, folder: Path, trainer_state: dict | None = None) -> None:
        self.run_folder.refuse_if_deleted()
        model = dataclasses.replace(self.model, details={**self.model.details, "step": self.state.step})
        save_checkpoint(model, folder, trainer_state)

    def _restore(self, trainer_state: dict) -> None:
        try:
            self.train_step.load_state_dict(trainer_state)
            self.state = TrainingState.from_dict(trainer_state)
            self.throughput.load_state_dict(trainer_state["pace"])
        except (KeyError, ValueError) as error:
            raise TrainingError(
                f"The checkpoint {self.run_folder.last} was made by another version of i3core.",
                "Start a new run from it with --model.",
            ) from error
        self.saved = self.state.step
        if self.state.step > self.total_steps:
            raise TrainingError(
                f"The run has already reached step {self.state.step}, and {self.total_steps} steps were requested.",
                "Give it more --steps or --epochs.",
            )

    def _update_figures(self) -> None:
        """Set the figures of the next status.json."""
        state = self.state
        best: dict[str, Any] = {} if state.best_step is None else {"best_step": state.best_step}
        best |= {"best_val_loss": state.best} if math.isfinite(state.best) else {}
        self.run_folder.figures |= {"total_steps": self.total_steps, **best}


def _perplexity(loss: float | None) -> float | None:
    return None if loss is None else math.exp(min(loss, 700))
