"""Estimate how long a run takes, from some of its steps done on this machine.

The trained weights are discarded. A batch of a large model takes a small machine too long for an estimate. So steps are
timed with few sequences and with as many as there is time for, and seconds = fixed + per_token * tokens is fitted to
them: the optimiser's part, for example, does not depend on the batch. Tokens are counted with padding here, because
padding takes time, too.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..data.batches import padded_width
from ..data.token_dataset import TokenDataset
from ..errors import PromptError, TrainingError
from ..evaluation.conversation_check import replies_to
from ..evaluation.perplexity import TOKENS_AT_ONCE, evaluate_sequences
from ..generation.generator import generate
from ..runs.events import Measured
from ..system.disk_space import nearest_folder
from ..system.distributed import World
from .loop import SAMPLING
from .memory_estimate import FLOAT32, block_matrices, optimizer_floats
from .run_data import Items
from .step_batches import Rows

if TYPE_CHECKING:
    from .loop import TrainingRun

STEPS_S, EVALUATION_S, SAMPLES_S = 2.5, 0.3, 0.4  # of measuring, about
WORST_S = 5.0  # for a second size
FEW_TOKENS, SECOND_TOKENS = 128, 512  # of the first size and of the second
TIMED_CHATS = 4  # of the questions of an evaluation
MOST_STEPS = 200
SAVED_BYTES = 32 << 20
_EXAMINED = 256  # steps that represent an epoch

Timed = tuple[int, float]  # tokens, seconds


def measure_run(run: TrainingRun) -> Measured:
    """Estimate the duration of a prepared run.

    Changes the model; writes only a temporary file.

    Raises TrainingError if the run folder cannot be written, or if a step fails.
    """
    config = run.config
    samples_s = _samples_s(run)
    evaluation_s = _evaluation_s(run) + _talk_s(run)
    step_s, tokens = _step_s(run)
    bytes_per_s = _bytes_saved_per_s(run)
    weights, state = _checkpoint_bytes(run)
    steps = run.total_steps
    evaluations = -(-steps // config.eval_every) if config.eval_every else 0  # and one before the first step
    checkpoints = -(-steps // config.checkpoint_every) if config.checkpoint_every else 1
    best_checkpoints = evaluations if run.data.validation.datasets else 0  # each may be the best so far
    seconds = steps * step_s + (evaluations + bool(evaluations)) * (evaluation_s + samples_s)
    seconds += (checkpoints * (weights + state) + best_checkpoints * weights) / bytes_per_s
    return Measured(
        tokens_per_second=tokens / step_s,
        seconds=seconds,
        step_s=step_s,
        evaluation_s=evaluation_s,
        sample_s=samples_s,
        checkpoint_s=(weights + state) / bytes_per_s,
        steps=steps,
        tokens_per_step=round(tokens),
    )


# ------------------------------------------------------------------------------------------------------------- steps


def _step_s(run: TrainingRun) -> tuple[float, float]:
    """Mean seconds of a step, and mean tokens of a step without padding."""
    batches = run.batches

    def timed(step: list[Rows]) -> Timed:
        start = time.perf_counter()
        tensors = [batches.tensors(rows) for rows in step]
        run.train_step.step(0, tensors)
        run.system_metrics.read()
        return sum(ids.numel() for ids, _ in tensors), time.perf_counter() - start

    count = min(batches.steps_per_epoch, _EXAMINED)
    steps = [batches.of_step(int(n)) for n in np.linspace(0, batches.steps_per_epoch - 1, count)]
    padded = sum(batches.padded_tokens(rows) for step in steps for rows in step) / len(steps)
    tokens = sum(batches.tokens(rows) for step in steps for rows in step) / len(steps)
    batch = steps[0][0]
    few = min(len(batch), max(1, FEW_TOKENS // batches.padded_tokens(batch[:1])))
    points = explore(lambda sequences: timed([batch[:sequences]]), few, len(batch), STEPS_S)
    left = STEPS_S - sum(seconds for _, seconds in points)
    whole: list[Timed] = []
    for number in np.random.RandomState(0).permutation(np.arange(MOST_STEPS) % len(steps)):
        fixed, per_token = fit(points + whole)
        if fixed + per_token * sum(map(batches.padded_tokens, steps[number])) > left:
            break
        whole.append(timed(steps[number]))
        left -= whole[-1][1]
    if len(whole) > 1:
        points = points[:1]  # memory grew during the others
    fixed, per_token = fit(points + whole)
    return fixed + per_token * padded, tokens


def explore(timed: Callable[[int], Timed], few: int, most: int, budget_s: float) -> list[Timed]:
    """Time `few` sequences, then more of them, up to `most`, within about `budget_s` seconds.

    A second size is timed unless it takes far too long: if threads wait for a busy processor, a few tokens take as long
    as many.
    """
    # The first run also allocates memory and loads kernels; the faster of two counts.
    points = [min(timed(few), timed(few), key=lambda point: point[1])]
    sequences, (tokens, seconds) = few, points[0]
    left = budget_s - seconds
    while sequences < most:
        fixed, per_token = fit(points)
        wanted = int((left - fixed) / per_token * few / tokens)
        if len(points) == 1:
            wanted = max(wanted, int(few * min(SECOND_TOKENS / tokens, WORST_S / seconds)))
        if min(wanted, most) < 1.5 * sequences:
            break
        sequences = min(wanted, most)
        points.append(timed(sequences))
        left -= points[-1][1]
    return points


def fit(points: Sequence[Timed]) -> tuple[float, float]:
    """Fit fixed and per_token, both >= 0, to `points` by relative errors."""
    tokens, seconds = np.array(points, dtype=float).T
    rates = seconds / tokens
    if len(set(tokens)) > 1:
        per_token, fixed = np.polyfit(tokens, seconds, 1, w=1 / seconds)
        if fixed >= 0 and per_token > 0:
            return float(fixed), float(per_token)
    return 0.0, float(rates.mean())


# --------------------------------------------------------------------------------- evaluations, samples, checkpoints


def _evaluation_s(run: TrainingRun) -> float:
    """Seconds of an evaluation's losses, measured on some of its sequences."""
    config, data, world = run.config, run.data, World()
    sizes = [_padded_tokens(each.datasets, each.items) for each in (data.validation, data.retention)]
    if not config.eval_every or not any(sizes):
        return 0.0
    largest = (data.validation, data.retention)[int(np.argmax(sizes))]
    datasets, items = largest.datasets, largest.items
    median_width = _padded_tokens(datasets, [items[len(items) // 2]])

    def timed(count: int) -> Timed:
        begin = (len(items) - count) // 2
        some = items[begin : begin + count]  # of about equal length, as in the batches of an evaluation
        start = time.perf_counter()
        replies_only = config.loss_on == "assistant"
        evaluate_sequences(run.model.network, run.device, datasets, some, replies_only, world, lambda: None)
        return _padded_tokens(datasets, some), time.perf_counter() - start

    few, most = (min(len(items), max(1, tokens // median_width)) for tokens in (FEW_TOKENS, TOKENS_AT_ONCE))
    fixed, per_token = fit(explore(timed, few, most, EVALUATION_S))
    return sum(-(-size // TOKENS_AT_ONCE) * fixed + per_token * size for size in sizes)


def _talk_s(run: TrainingRun) -> float:
    """Seconds of the questions and the everyday talk of an evaluation, from a few replies."""
    check = run.data.check
    if check is None:
        return 0.0
    asked = [question.messages for question in check.questions] + list(check.everyday)
    start = time.perf_counter()
    replies_to(run.model, asked[:: max(1, len(asked) // TIMED_CHATS)][:TIMED_CHATS])
    # Many chats at once take less than one after the other; finding out how likely replies are takes as long again.
    return (time.perf_counter() - start) / TIMED_CHATS * len(asked)


def _padded_tokens(datasets: Sequence[TokenDataset], items: Items) -> int:
    """Tokens of sequences in batches of sequences of about their length, with padding."""
    return sum(int(padded_width(int(datasets[number].lengths[sequence]) - 1)) for number, sequence in items)


def _samples_s(run: TrainingRun) -> float:
    """Seconds of the replies to all sample prompts, from as many as there is time for."""
    prompts = run.config.sample_prompts if run.config.eval_every else ()
    seconds: list[float] = []
    left = SAMPLES_S
    for prompt in prompts[:1] + prompts:  # the first one is slow the first time
        try:
            elapsed, whole = _reply_s(run, prompt, left)
        except PromptError:
            continue  # the run will report it
        seconds.append(whole)
        left -= elapsed
        if len(seconds) > 1 and left <= 0:
            break
    return sum(seconds[1:]) / max(1, len(seconds) - 1) * len(prompts)


def _reply_s(run: TrainingRun, prompt: str, limit_s: float) -> tuple[float, float]:
    """Seconds spent on a reply, which is cut off after `limit_s`, and the estimate for the whole reply."""
    start, first, prefilled = time.perf_counter(), 0.0, 0
    elapsed, tokens, is_whole = 0.0, 0, True
    for piece in generate(run.model, [{"role": "user", "content": prompt}], SAMPLING):
        elapsed, tokens, is_whole = time.perf_counter() - start, piece.new_tokens, bool(piece.finish_reason)
        if not prefilled:
            first, prefilled = elapsed, tokens
        elif elapsed > limit_s and not is_whole:
            break
    if is_whole or tokens <= prefilled:
        return elapsed, elapsed
    each = (elapsed - first) / (tokens - prefilled)
    return elapsed, first + each * (SAMPLING.max_new_tokens - prefilled)


def _checkpoint_bytes(run: TrainingRun) -> tuple[int, int]:
    """Bytes of a checkpoint's weights, and of its optimiser state."""
    lora = bool(run.config.lora_rank)
    optimizer = "adamw" if run.config.public_recipe else run.config.optimizer
    floats = optimizer_floats(run.prepared.trainable, optimizer, 0 if lora else block_matrices(run.model.config))
    return FLOAT32 * (run.prepared.trainable if lora else run.model.parameters), FLOAT32 * floats


def _bytes_saved_per_s(run: TrainingRun) -> float:
    """Measure how fast the disk stores weights durably (with fsync)."""
    folder = nearest_folder(Path(run.config.out))
    weights: list[torch.Tensor] = []
    for weight in run.model.network.parameters():
        if sum(saved.nbytes for saved in weights) < SAVED_BYTES:
            weights.append(weight.detach())
    try:
        with tempfile.TemporaryFile(dir=folder) as target:
            start = time.perf_counter()
            torch.save(weights, target)
            target.flush()
            os.fsync(target.fileno())
            return target.tell() / (time.perf_counter() - start)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise TrainingError(f"{folder} cannot be written: {reason}.", "Choose another folder (--out).") from error
