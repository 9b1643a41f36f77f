"""Kill a training run with signal 9 at random moments and resume it, repeatedly; then compare.

    .venv/bin/python tests/long/kill.py [--kills 20] [--seed 0]

The run must end with metrics, samples and weights bit-equal to one that was never interrupted, and no folder may ever
be unreadable. A checkpoint is written at every step, so that many kills fall into one.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.numpy import load_file

import i3core

REPOSITORY = Path(__file__).resolve().parents[2]
TIMES = {"seconds", "tokens_per_second", "eta_s", "rss_bytes", "cpu_percent"}  # of this machine, not of the run


def command(*arguments: object) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "i3core", "train", *map(str, arguments)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(child: subprocess.Popen) -> None:
    _, error = child.communicate(timeout=600)
    if child.returncode:
        raise SystemExit(f"A run failed: {error}")


def lines(path: Path) -> list[dict]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in record.items() if key not in TIMES} for record in records]


def readable(folder: Path) -> str:
    """Load every file and checkpoint left by a kill; return which checkpoints exist."""
    for name in ("run.json", "status.json"):
        if (folder / name).exists():
            json.loads((folder / name).read_text(encoding="utf-8"))
    found = [name for name in ("last", "best") if (folder / "checkpoints" / name).exists()]
    for name in found:
        i3core.load(folder / "checkpoints" / name, device="cpu")
    return " and ".join(found) or "no checkpoint yet"


def assert_equal(whole: Path, killed: Path) -> None:
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert lines(killed / name) == lines(whole / name), f"{name} differs"
    for name in ("last", "best"):
        one, other = (load_file(run / "checkpoints" / name / "model.safetensors") for run in (whole, killed))
        assert one.keys() == other.keys()
        assert all((one[key] == other[key]).all() for key in one), f"the weights of {name} differ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["I3DESK_CACHE"] = f"{temporary}/cache"
        recipe = [
            "--from-scratch", "tiny", "--data", REPOSITORY / "assets" / "data" / "small-talk.jsonl", "--steps", 60,
            "--batch-size", 8, "--lr", 3e-3, "--optimizer", "muon", "--eval-every", 7, "--eval-tokens", 2000,
            "--checkpoint-every", 1, "--sample-prompts", "hello!", "--device", "cpu",
        ]  # fmt: skip
        whole = Path(temporary, "whole")
        start = time.monotonic()
        finish(command(*recipe, "--out", whole))
        seconds = time.monotonic() - start
        print(f"the whole run took {seconds:.1f} s", flush=True)
        runs, kills = 0, 0
        while kills < options.kills or (Path(temporary, f"killed-{runs}") / "run.json").exists():
            killed = Path(temporary, f"killed-{runs}")
            begun = (killed / "run.json").exists()
            child = command("--resume", killed) if begun else command(*recipe, "--out", killed)
            if kills == options.kills:
                finish(child)
            else:
                delay = chance.uniform(0.2, 0.8) * seconds
                try:
                    child.wait(delay)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                    kills += 1
                    print(f"kill {kills:2} after {delay:4.1f} s: {readable(killed)}", flush=True)
                    continue
                finish(child)
            assert_equal(whole, killed)
            print(f"run {runs + 1} finished: bit-equal", flush=True)
            runs += 1
    print(f"{options.kills} kills over {runs} runs: metrics, samples and weights are bit-equal")


if __name__ == "__main__":
    main()
