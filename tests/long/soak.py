"""Chat in the real window without pause while a run trains beside it: memory, file handles, stalls.

    .venv/bin/python tests/long/soak.py [--minutes 120] [--short] [--longest 50]

Every ten seconds, the window's memory and open files are noted. From minute 10 on, memory must stay within 5 % of what
it was, and no files may be left open. No event may block the window for longer than `--longest` milliseconds of its own
processor time, which other programs do not change; the time by the clock is printed too. `--short` takes four minutes,
of which the first two are not counted. Fails if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "support")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil  # noqa: E402
from PySide6.QtCore import QObject, QTimer  # noqa: E402
from training_window import no_trainer_left, tiny_config  # noqa: E402
from window_kill import QUESTIONS  # noqa: E402

from i3desk.app import Application, create_qt_app  # noqa: E402
from i3desk.event_loop_stalls import TICK_MS  # noqa: E402
from i3desk.paths import Paths  # noqa: E402
from i3desk.workers.active_model import ModelState  # noqa: E402

SAMPLE_MS = 10_000
MOST_GROWTH, MOST_NEW_FILES = 0.05, 4


class Soak(QObject):
    """Talks, switches chats, and measures.

    Attributes:
        samples: seconds since the start, bytes of memory and open files, every ten seconds.
        busy_ms, late_ms: the longest event in processor time, and by the clock, after the warm-up.
    """

    def __init__(self, app: Application, minutes: float, warm_up_minutes: float) -> None:
        super().__init__()
        self._app, self._session = app, app.window.session
        self._process, self._chance = psutil.Process(), random.Random(0)
        self._started = time.monotonic()
        self._warm_up_s = 60 * warm_up_minutes
        self.samples: list[tuple[float, int, int]] = []
        self.messages = 0
        self.busy_ms = self.late_ms = 0.0
        self._tick_at = time.perf_counter(), time.thread_time()
        self._timers = [QTimer(self, interval=ms) for ms in (TICK_MS, 50, SAMPLE_MS)]
        for timer, slot in zip(self._timers, (self._tick, self._act, self._sample), strict=True):
            timer.timeout.connect(slot)
            timer.start()
        QTimer.singleShot(int(minutes * 60_000), self, app.window.close_unasked)

    @property
    def counted(self) -> list[tuple[float, int, int]]:
        """The samples after the warm-up."""
        return [each for each in self.samples if each[0] > self._warm_up_s]

    def _tick(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        if time.monotonic() - self._started > self._warm_up_s:
            self.late_ms = max(self.late_ms, 1000 * (now - self._tick_at[0]))
            self.busy_ms = max(self.busy_ms, 1000 * (cpu - self._tick_at[1]))
        self._tick_at = now, cpu

    def _act(self) -> None:
        session = self._session
        if session.model.state is not ModelState.READY or session.any_busy:
            return
        self.messages += 1
        act = self._chance.random()
        rows = self._app.services.conversations.model.rows
        if act < 0.1 and rows:
            self._app.actions.open(self._chance.choice(rows).id)
        elif act < 0.2:
            self._app.services.chat_page.start_new()
        elif act < 0.25 and session.conversation.path():
            session.retry()
        else:
            session.send(self._chance.choice(QUESTIONS))

    def _sample(self) -> None:
        memory = self._process.memory_info().rss
        self.samples.append((time.monotonic() - self._started, memory, self._process.num_fds()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--longest", type=float, default=50, help="milliseconds")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    minutes, warm_up = (4, 2) if options.short else (options.minutes, 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.environ |= {"I3DESK_RUNS_FILE": str(folder / "runs.json"), "I3DESK_CACHE": str(folder / "cache")}
        with no_trainer_left(folder):
            qt_app = create_qt_app()
            app = Application(qt_app, Paths.under(folder))
            app.window.closed.connect(qt_app.quit)
            app.show()
            app.services.runs.start(tiny_config(folder, 10_000_000, eval_every=500), "beside")
            soak = Soak(app, minutes, warm_up)
            qt_app.exec()
    counted = soak.counted
    part = max(1, len(counted) // 10)
    first, last = (statistics.median(each[1] for each in some) for some in (counted[:part], counted[-part:]))
    files = max(each[2] for each in counted) - counted[0][2]
    growth = last / first - 1
    print(
        f"{soak.messages} messages in {minutes:g} minutes beside training: memory {first / 1e6:.0f} to "
        f"{last / 1e6:.0f} MB ({growth:+.1%}), {files} more files open, longest event {soak.busy_ms:.0f} ms of "
        f"processor time ({soak.late_ms:.0f} ms by the clock)"
    )
    return int(growth > MOST_GROWTH or files > MOST_NEW_FILES or soak.busy_ms > options.longest)


if __name__ == "__main__":
    sys.exit(main())
