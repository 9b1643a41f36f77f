"""Walk through the window and run the smoke test on a quiet machine: nothing blocks the event loop for over 50 ms.

    .venv/bin/python tests/long/responsiveness.py [--walks 5] [--longest 50]

Prints the shortest of the longest stalls of each phase over the walks, in milliseconds: other programs disturb a phase
now and then, but not the same one in every walk. Fails if one is above the limit, or if the first paint takes more
than a second.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("support", "desk")]

from test_smoke_test import run_smoke  # noqa: E402
from test_tour import walk  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=5)
    parser.add_argument("--longest", type=float, default=50, help="milliseconds")
    options = parser.parse_args()
    environment = os.environ | {"QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    best: dict[str, float] = {}
    for _ in range(options.walks):
        with tempfile.TemporaryDirectory() as folder:
            stalls = walk(environment, Path(folder))["stalls_ms"]
        with tempfile.TemporaryDirectory() as folder:
            smoke = run_smoke(Path(folder))[1]
        del stalls["start"]  # torch is imported then; the smoke test measures it
        measured = stalls | {"smoke": smoke["max_stall_ms"], "first paint": smoke["first_paint_s"] * 1000}
        best = {phase: min(ms, best.get(phase, ms)) for phase, ms in measured.items()}
    print(json.dumps(best))
    too_long = [phase for phase, ms in best.items() if ms > (1000 if phase == "first paint" else options.longest)]
    if too_long:
        print(f"too long: {', '.join(too_long)}")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
