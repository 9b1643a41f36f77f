"""Kill the real window with signal 9 at random moments while the bundled model replies, repeatedly.

    .venv/bin/python tests/long/window_kill.py [--kills 50] [--seed 0]

The window reports what it shows and when. After each kill the database must open and be sound, everything shown half a
second before must be there, and the unfinished reply must be marked as cut.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).parent)]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import torch  # noqa: E402, F401 - children are forks, which need not import it again
from PySide6.QtCore import QTimer  # noqa: E402
from store_kill import kill_repeatedly  # noqa: E402

from i3core.generation.config import SamplingConfig  # noqa: E402
from i3desk.app import Application, create_qt_app  # noqa: E402
from i3desk.conversations.conversation import USER, ChatSettings  # noqa: E402
from i3desk.paths import Paths  # noqa: E402
from i3desk.workers.active_model import ModelState  # noqa: E402

QUESTIONS = ("hello!", "tell me a story about the sea", "what do you like to do?", "and why?", "do you like music?")


def talk(folder: Path, seed: int) -> None:
    """Child process: the whole program, while a script asks, retries, edits and switches chats without pause."""
    chance = random.Random(seed)
    qt_app = create_qt_app()
    app = Application(qt_app, Paths.under(folder))
    session = app.window.session
    # Wild and long replies, so that one is nearly always being generated.
    session.change_settings(ChatSettings(SamplingConfig(temperature=1.6, top_k=0, top_p=1.0, max_new_tokens=300)))

    def report(number: int) -> None:
        conversation = session.conversation
        message = conversation.messages[number]
        record = [time.monotonic(), conversation.id, number, message.text, message.state.value]
        print(json.dumps(record), flush=True)

    def act_next() -> None:
        if session.model.state is not ModelState.READY or session.any_busy:
            return
        path = session.conversation.path()
        act = chance.random()
        if path and act < 0.15:
            session.retry()
        elif path and act < 0.3:
            session.edit(next(message.number for message in path if message.role == USER), f"number {chance.random()}")
        elif len(path) > 6 or act > 0.9:
            session.start_new()
        else:
            session.send(chance.choice(QUESTIONS))

    session.message_changed.connect(report)
    timer = QTimer(interval=20)
    timer.timeout.connect(act_next)
    timer.start()
    app.show()
    qt_app.exec()


def killed(folder: Path, seed: int, after_s: float) -> tuple[float, list[list]]:
    """Let the window reply, then kill it; return the time of the kill and its reports."""
    with tempfile.NamedTemporaryFile("w+") as shown:
        child = os.fork()  # of a process that has no QApplication and no threads of its own
        if child == 0:
            os.dup2(shown.fileno(), sys.stdout.fileno())
            try:
                talk(folder, seed)
            finally:
                os._exit(1)
        while not os.stat(shown.name).st_size:  # until the model is loaded
            time.sleep(0.01)
            if os.waitpid(child, os.WNOHANG)[0]:
                raise SystemExit("The window ended before it was killed.")
        time.sleep(after_s)
        at = time.monotonic()
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != -signal.SIGKILL:
            raise SystemExit(f"The window ended by itself with {status}.")
        lines = Path(shown.name).read_text(encoding="utf-8").split("\n")[:-1]  # the last line may be half
    return at, [json.loads(line) for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = Paths.under(folder).conversations_file
        kill_repeatedly(path, options.kills, lambda kill: killed(folder, options.seed + kill, chance.uniform(0.0, 2.0)))


if __name__ == "__main__":
    main()
