"""Kill trainers and the window that started them with signal 9 at random moments, repeatedly.

    .venv/bin/python tests/long/run_kill.py [--rounds 10] [--seed 0] [--steps 300]

Each round: a window (a process of its own) starts two runs, of which the second is queued. It is killed while the first
trains; the first continues; another window finds both. Then the trainer is killed: the window must show it as dead
with a reason and resume it to the metrics of a run that was never interrupted. The second must start exactly once.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "support")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEventLoop, QTimer  # noqa: E402
from training_window import count_starts, metrics, no_trainer_left, starts, tiny_config  # noqa: E402

from i3core.runs.reader import RunState, RunSummary  # noqa: E402
from i3desk.paths import Paths  # noqa: E402
from i3desk.runs.controller import RunController  # noqa: E402
from i3desk.workers.background import BackgroundJobs  # noqa: E402

PATIENCE_S = 300


class Window:
    """A run controller and an event loop."""

    def __init__(self, folder: Path) -> None:
        self.app = QCoreApplication.instance() or QCoreApplication([])
        self.background = BackgroundJobs()
        self.runs = RunController(Paths.under(folder), self.background)
        self.runs.failed.connect(self._on_failed)

    def _on_failed(self, what: str, remedy: str) -> None:
        if "not running" not in what:  # it ended just before it was to be killed
            print(f"failed: {what} {remedy}", flush=True)

    def wait_until(self, done, what: str) -> None:
        limit = QDeadlineTimer(PATIENCE_S * 1000)
        while not done():
            if limit.hasExpired():
                states = {str(each.folder): each.status for each in self.runs.summaries}
                raise SystemExit(f"{what} did not happen: {states}")
            turn = QEventLoop()
            QTimer.singleShot(50, turn.quit)
            turn.exec()

    def wait_for(self, folder: Path, *states: RunState) -> None:
        def there() -> bool:
            summary = self.runs.summary(folder)
            return summary is not None and summary.status.state in states

        self.wait_until(there, f"{folder.name} {states}")

    def close(self) -> None:
        stopped: list[bool] = []
        self.background.stopped.connect(lambda: stopped.append(True))
        self.background.shut_down()
        self.wait_until(lambda: stopped, "the end of the thread")


def config_of(folder: Path, steps: int) -> dict:
    return tiny_config(folder, steps, eval_every=30, eval_tokens=500, checkpoint_every=20)


def be_a_window(folder: Path, steps: int) -> None:
    """Child process: start two runs, report them, and watch until killed."""
    window = Window(folder)
    first = window.runs.start(config_of(folder, steps), "first")
    window.runs.start(tiny_config(folder, 2), "second")
    window.wait_for(first, RunState.STARTING, RunState.RUNNING, RunState.FINISHED)
    print("started", flush=True)
    window.wait_until(lambda: False, "the kill")


def play(folder: Path, chance: random.Random, whole: list[dict], steps: int) -> str:
    """Run one round; return a description of it."""
    os.environ["I3DESK_RUNS_FILE"] = str(folder.with_suffix(".json"))
    command = [sys.executable, __file__, "--child", str(folder), "--steps", str(steps)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "started\n"
        time.sleep(chance.uniform(0.0, 3.0))
        child.kill()
    window = Window(folder)
    first, second = window.runs.folder / "first", window.runs.folder / "second"
    window.runs.set_watched(True)
    window.wait_until(lambda: window.runs.summary(first) is not None, "finding the run again")
    found = window.runs.summary(first).status.state
    least = chance.choice((0, chance.randrange(steps)))  # half of the kills fall into the start
    window.wait_until(lambda: _has_come_to(window.runs.summary(first), least), f"step {least}")
    time.sleep(chance.uniform(0.0, 1.0))
    if window.runs.summary(first).status.state.is_alive:
        window.runs.kill(first)
    window.wait_until(lambda: not window.runs.summary(first).status.state.is_alive, "the end of the first")
    died, step = window.runs.summary(first).status, window.runs.summary(first).step
    if died.state is RunState.DIED:
        assert died.error, "a run that died says nothing"
        window.runs.resume(first)
    else:
        assert died.state is RunState.FINISHED, died
    window.wait_for(second, RunState.FINISHED)
    window.wait_for(first, RunState.FINISHED)
    assert metrics(first) == whole, "the metrics differ from those of a run that was never interrupted"
    assert starts(second) == 1, f"the second run was started {starts(second)} times"
    window.close()
    return f"found {found.value}, then {died.state.value} at step {step}"


def _has_come_to(summary: RunSummary, step: int) -> bool:
    return summary.step >= step or not summary.status.state.is_alive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        be_a_window(options.child, options.steps)
        return
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        top = Path(name).resolve()
        os.environ |= {"I3DESK_RUNS_FILE": str(top / "runs.json"), "I3DESK_CACHE": str(top / "cache")}
        os.environ |= count_starts(top / "counting")
        with no_trainer_left(top):
            window = Window(top / "whole")
            folder = window.runs.start(config_of(top / "whole", options.steps), "whole")
            window.wait_for(folder, RunState.FINISHED)
            window.close()
            whole = metrics(folder)
            for number in range(options.rounds):
                print(f"round {number + 1}: {play(top / str(number), chance, whole, options.steps)}", flush=True)
    print(f"{options.rounds} rounds of kills: nothing lost, nothing started twice")


if __name__ == "__main__":
    main()
