"""How long a run will take, from some of its steps done on this machine. What they taught the model is thrown away.

A batch of a large model takes a small machine longer than anyone wants to wait for an estimate. So steps are timed with
few rows and with as many as there is time for, and seconds = fixed + per_token * tokens is fitted to them: what the
optimiser does, for one, does not depend on the batch. Tokens are counted with padding here, which costs time, too.
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

from ..data.batches import WeightedDataset, choose_sequences, make_batch, padded_width, plan_epoch
from ..data.token_dataset import TokenDataset
from ..errors import PromptError, TrainingError
from ..evaluation.perplexity import TOKENS_AT_ONCE, evaluate_rows
from ..generation.generator import generate
from ..runs.events import Measured
from ..system.distributed import World
from .loop import GENERAL_TOKENS, SAMPLING
from .memory_estimate import FLOAT32, block_matrices, optimizer_floats

if TYPE_CHECKING:
    from .loop import TrainingRun

STEPS_S, EVALUATION_S, SAMPLES_S = 2.5, 0.3, 0.4  # of measuring, about
WORST_S = 5.0  # for a second size
FEW_TOKENS, SECOND_TOKENS = 128, 512  # to begin with, and then
MOST_STEPS = 200
SAVED_BYTES = 32 << 20
_LOOKED_AT = 256  # batches that stand for all of an epoch

Items = list[tuple[int, int]]  # (set, row) of the rows of a batch
Timed = tuple[int, float]  # tokens, seconds


def measure_run(loop: TrainingRun) -> Measured:
    """What the run that `loop` has prepared will take. Changes the model; writes nothing but a temporary file.

    Raises TrainingError if the folder of the run cannot be written, or a step fails.
    """
    config = loop.config
    samples = _samples_s(loop)
    evaluation = _evaluation_s(loop)
    step, read = _step_s(loop)
    disk = _bytes_saved_per_s(loop)
    weights, state = _checkpoint_bytes(loop)
    steps = loop.total_steps
    evaluations = -(-steps // config.eval_every) if config.eval_every else 0  # and one before the first step
    checkpoints = -(-steps // config.checkpoint_every) if config.checkpoint_every else 1
    better = evaluations if loop.data.held_out else 0  # each may be the best so far
    seconds = steps * step + (evaluations + bool(evaluations)) * (evaluation + samples)
    seconds += (checkpoints * (weights + state) + better * weights) / disk
    return Measured(
        tokens_per_second=read / step,
        seconds=seconds,
        step_s=step,
        evaluation_s=evaluation,
        sample_s=samples,
        checkpoint_s=(weights + state) / disk,
        steps=steps,
        tokens_per_step=round(read),
    )


# ------------------------------------------------------------------------------------------------------------- steps


def _step_s(loop: TrainingRun) -> tuple[float, float]:
    """Seconds of a step, and tokens that it reads without padding, both on average."""
    config, sets = loop.config, loop.data.training
    plan = plan_epoch(sets, config.batch_size * loop.window, config.seed, 0, config.shuffle)

    def group(number: int) -> list[Items]:
        """The batches of one step."""
        first = number * config.accumulate
        return [plan[place % len(plan)] for place in range(first, first + config.accumulate)]

    def timed(batches: list[Items]) -> Timed:
        start = time.perf_counter()
        made = [make_batch(sets, items, config.loss_on == "assistant", loop.window) for items in batches]
        loop.trainer.step(0, [(torch.from_numpy(ids), torch.from_numpy(targets)) for ids, targets in made])
        loop.readings.read()
        return sum(ids.size for ids, _ in made), time.perf_counter() - start

    groups = [group(int(n)) for n in np.linspace(0, loop.per_epoch - 1, min(loop.per_epoch, _LOOKED_AT))]
    padded = sum(_padded(sets, items) for batches in groups for items in batches) / len(groups)
    read = sum(_length(sets, item) for batches in groups for items in batches for item in items) / len(groups)
    batch = groups[0][0]
    few = min(len(batch), max(1, FEW_TOKENS // _padded(sets, batch[:1])))
    points = explore(lambda rows: timed([batch[:rows]]), few, len(batch), STEPS_S)
    left = STEPS_S - sum(seconds for _, seconds in points)
    whole: list[Timed] = []
    for number in np.random.RandomState(0).permutation(np.arange(MOST_STEPS) % len(groups)):
        fixed, per_token = fit(points + whole)
        if fixed + per_token * sum(_padded(sets, items) for items in groups[number]) > left:
            break
        whole.append(timed(groups[number]))
        left -= whole[-1][1]
    if len(whole) > 1:
        points = points[:1]  # memory grew during the others
    fixed, per_token = fit(points + whole)
    return fixed + per_token * padded, read


def explore(timed: Callable[[int], Timed], few: int, most: int, budget_s: float) -> list[Timed]:
    """Times `few` rows, then more of them, up to `most`, as far as `budget_s` reaches.

    A second size is timed in any case that does not take forever: where threads wait for a busy processor, a few tokens
    take as long as many.
    """
    # The first also takes memory and loads kernels, unless another program got in the way of the second.
    points = [min(timed(few), timed(few), key=lambda point: point[1])]
    rows, (tokens, seconds) = few, points[0]
    left = budget_s - seconds
    while rows < most:
        fixed, per_token = fit(points)
        wanted = int((left - fixed) / per_token * few / tokens)
        if len(points) == 1:
            wanted = max(wanted, int(few * min(SECOND_TOKENS / tokens, WORST_S / seconds)))
        if min(wanted, most) < 1.5 * rows:
            break
        rows = min(wanted, most)
        points.append(timed(rows))
        left -= points[-1][1]
    return points


def fit(points: Sequence[Timed]) -> tuple[float, float]:
    """fixed, per_token >= 0 that come closest to `points`, by relative errors."""
    tokens, seconds = np.array(points, dtype=float).T
    rates = seconds / tokens
    if len(set(tokens)) > 1:
        per_token, fixed = np.polyfit(tokens, seconds, 1, w=1 / seconds)
        if fixed >= 0 and per_token > 0:
            return float(fixed), float(per_token)
    return 0.0, float(rates.mean())


def _length(sets: Sequence[WeightedDataset], item: tuple[int, int]) -> int:
    return int(sets[item[0]].sequences.lengths[item[1]]) - 1


def _padded(sets: Sequence[WeightedDataset], items: Items) -> int:
    return len(items) * padded_width(max(_length(sets, item) for item in items))


# --------------------------------------------------------------------------------- evaluations, samples, checkpoints


def _evaluation_s(loop: TrainingRun) -> float:
    """Seconds of the losses on held-out and general text, from those on some of it."""
    config, data, world = loop.config, loop.data, World()
    parts = [
        (data.held_out, choose_sequences(data.held_out, config.eval_tokens, config.seed)),
        (data.general, choose_sequences(data.general, min(GENERAL_TOKENS, config.eval_tokens), config.seed)),
    ]
    if not config.eval_every or not any(items for _, items in parts):
        return 0.0
    sizes = [_padded_rows(sets, items) for sets, items in parts]
    sets, items = parts[int(np.argmax(sizes))]
    middle = padded_width(int(sets[items[len(items) // 2][0]].lengths[items[len(items) // 2][1]]) - 1)

    def timed(count: int) -> Timed:
        begin = (len(items) - count) // 2
        some = items[begin : begin + count]  # of about equal length, as in the batches of an evaluation
        start = time.perf_counter()
        evaluate_rows(loop.model.network, loop.device, sets, some, config.loss_on == "assistant", world, lambda: None)
        return _padded_rows(sets, some), time.perf_counter() - start

    few, most = (min(len(items), max(1, tokens // middle)) for tokens in (FEW_TOKENS, TOKENS_AT_ONCE))
    fixed, per_token = fit(explore(timed, few, most, EVALUATION_S))
    return sum(-(-size // TOKENS_AT_ONCE) * fixed + per_token * size for size in sizes)


def _padded_rows(sets: Sequence[TokenDataset], items: Items) -> int:
    """Tokens of rows that stand beside others of their length."""
    return sum(int(padded_width(int(sets[number].lengths[row]) - 1)) for number, row in items)


def _samples_s(loop: TrainingRun) -> float:
    """Seconds of the answers to all sample prompts, from as many as there is time for."""
    prompts = loop.config.sample_prompts if loop.config.eval_every else ()
    seconds: list[float] = []
    left = SAMPLES_S
    for prompt in prompts[:1] + prompts:  # the first is slow the first time
        try:
            took, whole = _answer_s(loop, prompt, left)
        except PromptError:
            continue  # the run will say so
        seconds.append(whole)
        left -= took
        if len(seconds) > 1 and left <= 0:
            break
    return sum(seconds[1:]) / max(1, len(seconds) - 1) * len(prompts)


def _answer_s(loop: TrainingRun, prompt: str, patience_s: float) -> tuple[float, float]:
    """Seconds that an answer took, broken off after `patience_s`; and would take as a whole."""
    start, first, spoken = time.perf_counter(), 0.0, 0
    for piece in generate(loop.model, [{"role": "user", "content": prompt}], SAMPLING):
        took = time.perf_counter() - start
        if not spoken:
            first, spoken = took, piece.new_tokens
        elif took > patience_s and not piece.finish_reason:
            break
    if piece.finish_reason or piece.new_tokens <= spoken:
        return took, took
    each = (took - first) / (piece.new_tokens - spoken)
    return took, first + each * (SAMPLING.max_new_tokens - spoken)


def _checkpoint_bytes(loop: TrainingRun) -> tuple[int, int]:
    """Bytes of the weights in a checkpoint, and of the optimiser's state beside them."""
    lora = bool(loop.config.lora_rank)
    optimizer = "adamw" if loop.config.public_recipe else loop.config.optimizer
    floats = optimizer_floats(loop.trainable, optimizer, 0 if lora else block_matrices(loop.model.config))
    return FLOAT32 * (loop.trainable if lora else loop.model.parameters), FLOAT32 * floats


def _bytes_saved_per_s(loop: TrainingRun) -> float:
    """How fast the disk takes weights that must outlast a loss of power."""
    there = Path(loop.config.out).resolve()
    while not there.is_dir() and there != there.parent:
        there = there.parent
    weights: list[torch.Tensor] = []
    for weight in loop.model.network.parameters():
        if sum(each.nbytes for each in weights) < SAVED_BYTES:
            weights.append(weight.detach())
    try:
        with tempfile.TemporaryFile(dir=there) as target:
            start = time.perf_counter()
            torch.save(weights, target)
            target.flush()
            os.fsync(target.fileno())
            return target.tell() / (time.perf_counter() - start)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise TrainingError(f"{there} cannot be written: {reason}.", "Choose another folder (--out).") from error
