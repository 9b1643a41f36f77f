"""What the tests of training in the window share: a small real run, and the certainty that no trainer stays behind."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from fork_server import ForkedProcess, ForkServer

LONG_MS = 60_000  # a busy machine takes its time to import torch
TIMES = {"tokens_per_second", "eta_s", "rss_bytes", "cpu_percent", "seconds"}  # of this machine, not of the run


def tiny_config(folder: Path, steps: int, **changes: Any) -> dict[str, Any]:
    """Settings of a run that takes milliseconds a step."""
    data = folder / "talk.jsonl"
    if not data.exists():
        folder.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps({"prompt": f"hello {n}!", "completion": f"arr, {n} times hello."}) for n in range(60))
        data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = {
        "preset": "tiny", "data": [str(data)], "steps": steps, "batch_size": 2, "eval_every": 0, "device": "cpu",
        "sample_prompts": [], "threads": 1,
    }  # fmt: skip
    return config | changes


def trainers_in(folder: Path) -> list[psutil.Process]:
    """Processes that were started on a run below `folder`, and live."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        below = any(word.startswith(f"{folder}{os.sep}") for word in words)
        if "train" in words and below and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@contextmanager
def no_trainer_left(folder: Path) -> Iterator[None]:
    """Ends what still trains below `folder`, also after a failure."""
    try:
        yield
    finally:
        for process in trainers_in(folder):
            process.kill()
            try:
                process.wait(5)
            except psutil.TimeoutExpired:
                pass


def metrics(folder: Path) -> list[dict]:
    """The lines of a run's log, without what differs from one time to the next."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]


def count_starts(folder: Path) -> dict[str, str]:
    """Environment in which every trainer that is started writes itself down in `folder`, whoever starts it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'train' in sys.orig_argv:\n"
        "    with open(os.environ['I3_TEST_STARTS'], 'a', encoding='utf-8') as starts:\n"
        "        starts.write('\\t'.join(sys.orig_argv) + '\\n')\n",
        encoding="utf-8",
    )
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "I3_TEST_STARTS": str(folder / "starts.txt")}


def starts(folder: Path) -> int:
    """How many trainers were ever started on this run."""
    lines = Path(os.environ["I3_TEST_STARTS"]).read_text(encoding="utf-8").splitlines()
    targets = {str(folder), str(folder / "request.json")}
    return sum(bool(targets & set(line.split("\t"))) for line in lines)


class ForkedTrainers:
    """Stands in for `launcher.spawn`: trainers are forks of a process that has torch loaded.

    Their logs stay empty, and their command lines are those of the fork server.
    """

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self._children: list[ForkedProcess] = []

    def spawn(self, arguments: list[str], folder: Path) -> int:
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        child = self._server.start(arguments, env=dict(os.environ), cwd=folder, **quiet)
        self._children.append(child)
        return child.pid

    def running(self) -> list[int]:
        """Pids of the trainers that have not ended."""
        return [child.pid for child in self._children if child.poll() is None]

    def close(self) -> None:
        for child in self._children:
            child.kill()
            child.wait(5)
