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

from .batches import WeightedRows, choose_rows, make_batch, padded_width, plan_epoch
from .distributed import World
from .errors import PromptError, TrainingError
from .evaluation import evaluate_rows
from .events import Measured
from .generation import generate
from .loop import GENERAL_TOKENS
from .preflight import FLOAT32, block_matrices, optimizer_floats
from .rows import TokenRows
from .settings import SamplingConfig

if TYPE_CHECKING:
    from .loop import Loop

STEPS_S, EVALUATION_S, SAMPLES_S = 2.5, 0.3, 0.4  # of measuring, about
FEW_TOKENS = 256  # to begin with: with fewer, what does not depend on them would hide what does
SAVED_BYTES = 32 << 20
_LOOKED_AT = 256  # batches that stand for all of an epoch

Items = list[tuple[int, int]]  # (set, row) of the rows of a batch
Timed = tuple[int, float]  # tokens, seconds


def measure_run(loop: Loop) -> Measured:
    """What the run that `loop` has prepared will take. Changes the model; writes nothing but a temporary file.

    Raises TrainingError if the folder of the run cannot be written, or a step fails.
    """
    config, world = loop.config, World()
    samples = _samples_s(loop)
    held_out = choose_rows(loop.data.held_out, config.eval_tokens, config.seed)
    general = choose_rows(loop.data.general, min(GENERAL_TOKENS, config.eval_tokens), config.seed)
    evaluation = _evaluation_s(loop, loop.data.held_out, held_out, world)
    evaluation += _evaluation_s(loop, loop.data.general, general, world)
    step, read = _step_s(loop)
    disk = _bytes_saved_per_s(loop)
    weights, state = _checkpoint_bytes(loop)
    steps = loop.total_steps
    evaluations = -(-steps // config.eval_every) if config.eval_every else 0  # and one before the first step
    checkpoints = -(-steps // config.checkpoint_every) if config.checkpoint_every else 1
    better = evaluations if held_out else 0  # each may be the best so far
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


def _step_s(loop: Loop) -> tuple[float, float]:
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
    fixed, per_token = fit(_timed_steps(groups, timed, lambda items: _padded(sets, items)))
    return fixed + per_token * padded, read


def _timed_steps(
    groups: Sequence[list[Items]], timed: Callable[[list[Items]], Timed], padded: Callable[[Items], int]
) -> list[Timed]:
    """Steps of a few rows, and then steps as large as there is time for, whole ones if possible."""
    first = groups[0][0]
    few = [first[: max(1, FEW_TOKENS // padded(first[:1]))]]
    # The first also takes memory and loads kernels, unless another program got in the way of the second.
    points = [min(timed(few), timed(few), key=lambda point: point[1])]
    left = STEPS_S - points[0][1]
    order = np.random.RandomState(0).permutation(len(groups))
    number, is_grown = 0, False
    while True:
        batches = groups[order[number % len(order)]]
        fixed, per_token = fit(points)
        affordable, wanted = (left - fixed) / per_token, sum(map(padded, batches))
        if wanted > affordable:
            row = padded(batches[0][:1])
            rows = min(int(affordable // row), len(batches[0]))
            if rows * row < 1.5 * max(tokens for tokens, _ in points):
                return points
            batches = [batches[0][:rows]]
        elif not is_grown and 3 * wanted < affordable:
            is_grown = True
            left -= timed(batches)[1]  # memory grows to its size
            continue
        points.append(timed(batches))
        left -= points[-1][1]
        number += 1


def fit(points: Sequence[Timed]) -> tuple[float, float]:
    """fixed, per_token >= 0 that come closest to `points`, by relative errors."""
    tokens, seconds = np.array(points, dtype=float).T
    rates = seconds / tokens
    if len(set(tokens)) > 1:
        per_token, fixed = np.polyfit(tokens, seconds, 1, w=1 / seconds)
        if fixed >= 0 and per_token > 0:
            return float(fixed), float(per_token)
    return 0.0, float(rates.mean())


def _length(sets: Sequence[WeightedRows], item: tuple[int, int]) -> int:
    return int(sets[item[0]].rows.lengths[item[1]]) - 1


def _padded(sets: Sequence[WeightedRows], items: Items) -> int:
    return len(items) * padded_width(max(_length(sets, item) for item in items))


# --------------------------------------------------------------------------------- evaluations, samples, checkpoints


def _evaluation_s(loop: Loop, sets: Sequence[TokenRows], items: Items, world: World) -> float:
    """Seconds of the losses on all `items`, from those on some of them."""
    if not items or not loop.config.eval_every:
        return 0.0
    weighted = [WeightedRows(rows) for rows in sets]

    def timed(count: int) -> Timed:
        begin = (len(items) - count) // 2
        some = items[begin : begin + count]  # of about equal length, as in the batches of an evaluation
        start = time.perf_counter()
        evaluate_rows(
            loop.model.network, loop.device, sets, some, loop.config.loss_on == "assistant", world, lambda: None
        )
        return sum(_padded(weighted, [item]) for item in some), time.perf_counter() - start

    count = min(len(items), max(1, FEW_TOKENS // _padded(weighted, [items[len(items) // 2]])))
    timed(1)
    points = [timed(count), timed(count)]
    seconds = min(seconds for _, seconds in points)
    left = EVALUATION_S - seconds
    while left > 2 * seconds and count < len(items):
        count = min(len(items), max(2 * count, int(count * left / 2 / seconds)))
        points.append(timed(count))
        seconds = points[-1][1]
        left -= seconds
    return min(seconds / tokens for tokens, seconds in points) * sum(_padded(weighted, [item]) for item in items)


def _samples_s(loop: Loop) -> float:
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


def _answer_s(loop: Loop, prompt: str, patience_s: float) -> tuple[float, float]:
    """Seconds that an answer took, broken off after `patience_s`; and would take as a whole."""
    sampling = SamplingConfig(temperature=0.7, max_new_tokens=60, seed=1)
    start, first, spoken = time.perf_counter(), 0.0, 0
    for piece in generate(loop.model, [{"role": "user", "content": prompt}], sampling):
        took = time.perf_counter() - start
        if not spoken:
            first, spoken = took, piece.new_tokens
        elif took > patience_s and not piece.finish_reason:
            break
    if piece.finish_reason or piece.new_tokens <= spoken:
        return took, took
    each = (took - first) / (piece.new_tokens - spoken)
    return took, first + each * (sampling.max_new_tokens - spoken)


def _checkpoint_bytes(loop: Loop) -> tuple[int, int]:
    """Bytes of the weights in a checkpoint, and of the optimiser's state beside them."""
    lora = bool(loop.config.lora_rank)
    optimizer = "adamw" if loop.config.public_recipe else loop.config.optimizer
    floats = optimizer_floats(loop.trainable, optimizer, 0 if lora else block_matrices(loop.model.config))
    return FLOAT32 * (loop.trainable if lora else loop.model.parameters), FLOAT32 * floats


def _bytes_saved_per_s(loop: Loop) -> float:
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
