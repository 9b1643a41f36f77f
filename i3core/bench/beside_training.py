"""`i3core bench --beside-training`: speed of the chat while training runs on the same processor.

The chat runs in this process and training in another, as with the window. Training is paused and resumed in turns, so
that both are measured alone and together in the same run.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ..checkpoints.checkpoint import load
from ..errors import TrainingError
from ..generation.generator import Generator
from ..runs.folder import RunFolder
from ..runs.reader import MetricsReader, RunState, read_status
from ..system import assets
from ..system.extras import is_packaged

TURNS = 4
DATA = "data/first-steps.jsonl"
STARTS_WITHIN_S = 120


@contextlib.contextmanager
def _training(folder: Path) -> Iterator[None]:
    """Train the bundled model in `folder` as the window does, until the end of the block."""
    command = [sys.executable, *([] if is_packaged() else ["-m"]), "i3core", "train"]
    command += ["--model", assets.BUNDLED_MODEL, "--data", str(assets.path(DATA)), "--out", str(folder)]
    command += ["--steps", "1000000", "--eval-every", "0", "--checkpoint-every", "0", "--low-priority", "--json"]
    environment = os.environ | {"I3DESK_RUNS_FILE": str(folder.with_name("runs.json"))}
    with open(folder.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _wait_for(folder: Path, state: RunState, step: int = 0) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while (status := read_status(folder)).state is not state or _last_step(folder) < step:
        if time.monotonic() > deadline or status.state in (RunState.FAILED, RunState.DIED):
            raise TrainingError("The training run to measure did not start.", status.error)
        time.sleep(0.05)


def _last_step(folder: Path) -> float:
    steps = MetricsReader(folder).read().steps["step"]
    return steps[-1] if len(steps) else 0


def _tokens(folder: Path) -> float:
    tokens = MetricsReader(folder).read(1 << 24).steps["tokens"]
    return tokens[-1] if len(tokens) else 0


def bench_beside_training(quick: bool) -> dict:
    """Measure tokens per second of chat and of training, alone and together."""
    span_s = 2.0 if quick else 6.0
    model = load(None, "cpu", "float32")
    generator = Generator(model)
    ids = list(range(1, 33))
    generator.prefill(ids)
    snapshot = generator.snapshot()

    def chat() -> float:
        count, start_s = 0, time.perf_counter()
        while time.perf_counter() - start_s < span_s:
            generator.restore(snapshot)
            for token in ids:
                generator.step(token)
            count += len(ids)
        return count / (time.perf_counter() - start_s)

    chat()
    alone, beside, trained_alone, trained_beside = [], [], [], []  # tokens per second
    with tempfile.TemporaryDirectory(prefix="i3core-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "run"
        with _training(folder):
            _wait_for(folder, RunState.RUNNING, step=3)
            control = RunFolder(folder).folder / "control"
            for _ in range(1 if quick else TURNS):
                before, start_s = _tokens(folder), time.perf_counter()
                beside.append(chat())
                trained_beside.append((_tokens(folder) - before) / (time.perf_counter() - start_s))
                before, start_s = _tokens(folder), time.perf_counter()
                time.sleep(span_s)
                trained_alone.append((_tokens(folder) - before) / (time.perf_counter() - start_s))
                (control / "pause").touch()
                _wait_for(folder, RunState.PAUSED)
                time.sleep(0.5)  # a run that pauses writes a checkpoint
                alone.append(chat())
                (control / "resume").touch()
                _wait_for(folder, RunState.RUNNING)

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    return {
        "chat_alone_tokens_per_second": mean(alone),
        "chat_beside_training_tokens_per_second": mean(beside),
        "chat_beside_training_ratio": mean(beside) / mean(alone),
        "training_alone_tokens_per_second": mean(trained_alone),
        "training_beside_chat_tokens_per_second": mean(trained_beside),
        "training_beside_chat_ratio": mean(trained_beside) / max(1e-9, mean(trained_alone)),
    }


def report(figures: dict) -> str:
    """Format the figures of `bench_beside_training` as a table."""
    lines = [f"{'tokens per second':20} {'alone':>10} {'together':>10} {'ratio':>8}"]
    for name, key, other in (("chat", "chat", "beside_training"), ("training", "training", "beside_chat")):
        lines.append(
            f"{name:20} {figures[f'{key}_alone_tokens_per_second']:10.1f} "
            f"{figures[f'{key}_{other}_tokens_per_second']:10.1f} {figures[f'{key}_{other}_ratio']:7.2f}x"
        )
    return "\n".join(lines)
