"""Give i3core and the window damaged files and requests, and watch what they do with them.

    .venv/bin/python tests/long/fuzz.py [--inputs 10000] [--seed 0] [--kinds model run ...] [--only KIND NUMBER]

Kinds: model, run, database, import, settings, data, request. Each input is a valid one with seeded damage. Whatever it
is, there must be an answer or an I3Error: no traceback, no more than 10 s of processor time, no hang, no more than 1 GB
of memory, no other program started, and nothing written outside the input's own folder. `--only` repeats one input and
shows what happened. Exits with 1 after a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "support")]
sys.dont_write_bytecode = True
os.environ |= {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

from fuzz_inputs import KINDS  # noqa: E402
from fuzz_seeds import make_seeds  # noqa: E402

BATCH = 100  # inputs of one process
CPU_S, HANG_S, MEMORY_BYTES = 10, 60, 1_000_000_000
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree")


class Watch:
    """An audit hook: programs that are started, and files that are written outside the allowed folders."""

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] = ()
        self.seen: list[str] = []
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple) -> None:
        if not self.allowed:
            return
        if event in STARTS:
            self.seen.append(f"{event} {arguments[:2]}")
        elif event == "open":
            path, mode, flags = arguments
            if isinstance(path, str | bytes) and (
                flags & WRITES or (isinstance(mode, str) and set(mode) & set("wxa+"))
            ):
                self._check(event, path)
        elif event in CHANGES:
            for path in arguments[:2]:
                if isinstance(path, str | bytes):
                    self._check(event, path)

    def _check(self, event: str, path: str | bytes) -> None:
        full = os.path.realpath(os.fsdecode(path))
        if full not in ("/dev/null", "/dev/full") and not f"{full}/".startswith(self.allowed):
            self.seen.append(f"{event} {full}")


def peak_bytes() -> int:
    """The largest memory of this process since `forget_peak`."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def forget_peak() -> None:
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


@contextlib.contextmanager
def own_home(case: Path) -> Iterator[None]:
    """All of the user's folders are in the input's own one."""
    home = case / "home"
    home.mkdir()
    names = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CONFIG", "STATE", "CACHE")}
    os.environ |= {
        "HOME": str(home),
        "I3DESK_CACHE": str(home / "c"),
        "I3DESK_RUNS_FILE": str(home / "r.json"),
        **names,
    }
    tempfile.tempdir = str(home / "tmp")
    os.mkdir(tempfile.tempdir)
    os.chdir(case)
    yield
    os.chdir("/")


def try_input(kind: str, number: int, seed: int, top: Path, watch: Watch) -> list[str]:
    """Make one input and use it; returns the faults."""
    chance = random.Random(f"{seed}:{kind}:{number}")
    case = top / f"{kind}-{number}"
    case.mkdir()
    said = io.StringIO()
    faults: list[str] = []
    try:
        with own_home(case):
            use = KINDS[kind](chance, top / "seeds", case)
            forget_peak()
            watch.seen.clear()
            watch.allowed = (f"{case}/", f"{os.environ['TORCHINDUCTOR_CACHE_DIR']}/")
            began = time.process_time()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                use()
            if (seconds := time.process_time() - began) > CPU_S:
                faults.append(f"{seconds:.1f} s of processor time")
    except BaseException:
        faults.append(traceback.format_exc())
    watch.allowed = ()
    text = said.getvalue()
    faults += [f"{what} in: {text[-1500:]}" for what in ("Traceback", "not enough memory") if what in text]
    faults += watch.seen
    if (peak := peak_bytes()) > MEMORY_BYTES:
        faults.append(f"{peak / 1e6:.0f} MB of memory")
    shutil.rmtree(case, ignore_errors=True)
    return faults


def work(inputs: list[tuple[str, int]], seed: int, top: Path, report: Callable[[dict], None]) -> None:
    """Child process: try some inputs, and report each before and after."""
    from PySide6.QtCore import QCoreApplication, qInstallMessageHandler

    qt_app = QCoreApplication.instance() or QCoreApplication([])
    qInstallMessageHandler(lambda *_: None)
    limit = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (4 * MEMORY_BYTES, limit))  # what is asked for, used or not
    watch = Watch()
    for kind, number in inputs:
        report({"begun": [kind, number]})
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        faults = try_input(kind, number, seed, top, watch)
        faulthandler.cancel_dump_traceback_later()
        report({"done": [kind, number], "faults": faults})
    del qt_app


def run_batch(inputs: list[tuple[str, int]], seed: int, top: Path) -> dict[tuple[str, int], list[str]]:
    """Try inputs in a child process; one that ends it is a fault, and another child continues behind it."""
    faults: dict[tuple[str, int], list[str]] = {}
    while inputs:
        with tempfile.TemporaryFile("w+") as reports, tempfile.TemporaryFile("w+") as errors:
            child = os.fork()
            if child == 0:
                os.dup2(errors.fileno(), 2)
                try:
                    work(inputs, seed, top, lambda record: print(json.dumps(record), file=reports, flush=True))
                    os._exit(0)
                except BaseException:
                    traceback.print_exc()
                    sys.stderr.flush()
                finally:
                    os._exit(1)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            reports.seek(0)
            errors.seek(0)
            records = [json.loads(line) for line in reports]
            said = errors.read()
        for record in records:
            if record.get("faults"):
                faults[tuple(record["done"])] = record["faults"]
        last = next((tuple(each["begun"]) for each in reversed(records) if "begun" in each), inputs[0])
        if status == 0:
            break
        if records and "done" in records[-1]:
            raise SystemExit(f"The fuzzer itself failed: {said}")
        faults[last] = [f"the process ended with {status}: {said[-3000:]}"]
        inputs = inputs[inputs.index(last) + 1 :]
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="of all kinds together")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--only", nargs=2, metavar=("KIND", "NUMBER"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="i3desk-fuzz-") as name:
        top = Path(name).resolve()
        make_seeds(top / "seeds")
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(top / "torch")  # made when certain parts of torch are loaded
        each = max(1, options.inputs // len(options.kinds))
        numbers = range(options.first, options.first + each)
        batches = [
            [(kind, number) for number in numbers[start : start + BATCH]]
            for start in range(0, each, BATCH)
            for kind in options.kinds
        ]
        if options.only:
            batches = [[(options.only[0], int(options.only[1]))]]
        faulty = 0
        for batch in batches:
            for (kind, number), faults in run_batch(batch, options.seed, top).items():
                faulty += 1
                print(f"FAULT {kind} {number}:\n" + "\n".join(faults), flush=True)
            if len(batches) > 10:
                print(f"{batch[0][0]} {batch[0][1]} to {batch[-1][1]}: {faulty} faults so far", flush=True)
        count = sum(map(len, batches))
        print(f"{count:,} damaged inputs of {len({batch[0][0] for batch in batches})} kinds: {faulty} faults")
        return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
