"""Measure the curves: a redraw of 100,000 points, a million steps arriving, loading the plots beside a live window.

    .venv/bin/python tests/long/curve_speed.py

Limits: 20 ms a redraw, 10 ms for each part that arrives, 50 ms for anything else in the GUI thread. Without a screen it
draws into memory, which is what a window without OpenGL does too.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests/support")]

from curve_parts import evaluation, part  # noqa: E402
from PySide6.QtCore import QElapsedTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from i3core.runs.reader import RunState, RunStatus, RunSummary  # noqa: E402
from i3desk.curves.panel import CurvesPanel  # noqa: E402
from i3desk.event_loop_stalls import StallMeter  # noqa: E402
from i3desk.style.theme import Theme  # noqa: E402
from i3desk.workers.background import BackgroundJobs  # noqa: E402

PART = 4000
failures = []


def report(what: str, times: list[float], limit_ms: float) -> None:
    """Compare medians of the thread's CPU time with the limit, because other programs share the machine."""
    median, worst = statistics.median(times) * 1000, max(times) * 1000
    print(f"{what:<46} median {median:6.1f} ms   worst {worst:6.1f} ms   limit {limit_ms:.0f} ms")
    if median > limit_ms:
        failures.append(what)


def timed(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


def turn(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    """Run the event loop."""
    clock = QElapsedTimer()
    clock.start()
    while clock.elapsed() < seconds * 1000 and not until():
        app.processEvents()


def redraw() -> None:
    dashboard.refresh()
    dashboard.plot.draw()
    dashboard.plot.viewport().repaint()


app = QApplication([])
background = BackgroundJobs()
panel = CurvesPanel(Theme(app, "dark"), background)
panel.resize(1228, 694)
meter = StallMeter()
meter.start()
panel.show()
app.processEvents()  # the window's own first paint
meter.restart()
turn(20, lambda: panel.dashboard is not None and panel.dashboard.plot is not None)
turn(0.3)
dashboard = panel.dashboard
print(f"longest stall while the plots were loaded and made: {meter.restart():.0f} ms")

panel.add(part(100_000, evaluations=[evaluation(step, 2.0, True) for step in range(0, 100_000, 2000)]))
panel.show_summary(RunSummary(Path("run"), "run", "", RunStatus(RunState.RUNNING), total_steps=100_000))
dashboard.refresh()
turn(0.3)
panel.resize(panel.width() + 1200 - dashboard.plot.width(), panel.height() + 500 - dashboard.plot.height())
turn(0.3)
print(f"the plot is {dashboard.plot.width()} x {dashboard.plot.height()}")
report("100,000 points: thinned and painted", [timed(redraw) for _ in range(100)], 20)
plot = dashboard.plot
report(
    "  the plot alone",
    [timed(lambda: (plot.draw(), plot.viewport().repaint())) for _ in range(100)],
    20,
)
moves = [
    timed(lambda x=x: (dashboard.plot.move_cursor(x), dashboard.plot.viewport().repaint()))
    for x in range(0, 90_000, 900)
]
report("  the cursor moved", moves, 20)
dashboard.plot.zoom(8)
report("  an eighth of it", [timed(redraw) for _ in range(100)], 20)
report("a picture of it, without writing", [timed(lambda: dashboard.plot.picture("Loss")) for _ in range(10)], 50)

panel.clear()
parts = [part(PART, start=1 + number * PART) for number in range(1_000_000 // PART)]
report("a million steps: each part added", [timed(lambda each=each: panel.add(each)) for each in parts], 10)
report("  all cards and curves redrawn", [timed(redraw) for _ in range(20)], 50)
report("  smoothed differently", [timed(lambda w=w: dashboard._on_smoothing(w)) for w in (0.6, 0.98, 0.9)], 50)

panel.clear()
turns = []
for each in parts:
    panel.add(each)
    turns += [timed(app.processEvents) for _ in range(3)]
busy = sorted(turns)[-len(turns) // 20 :]
report("  a busy turn of the window while they arrive", busy, 50)
background.stopped.connect(app.quit)
background.shut_down()
app.exec()
sys.exit(f"too slow: {', '.join(failures)}" if failures else 0)
