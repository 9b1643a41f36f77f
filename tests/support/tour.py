"""A walk through the whole window as a user takes it, with the bundled model; measures the longest stalls.

    python tests/support/tour.py FOLDER [--pictures FOLDER] [--theme light|dark] [--size 1280x800]

Prints one JSON line: the longest stall of the event loop in each phase, the most processor time of the window's thread
between two events ("busy_ms"; other programs hardly lengthen it), phases with more than LIMIT_MS of it ("slow"), and
what was seen.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import system_language  # noqa: F401
from user import last_reply

if os.environ.setdefault("QT_QPA_PLATFORM", "offscreen") == "offscreen":  # whose screen is smaller than our window
    os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={Path(__file__).with_name('screen.json')}"
sys.path.insert(0, str(Path(__file__).parents[2]))

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from i3core.system import assets
from i3core.system.temporary import temporary_folder
from i3desk.app import Application, create_qt_app
from i3desk.conversations.conversation import ASSISTANT, USER, Conversation
from i3desk.conversations.store import Store
from i3desk.event_loop_stalls import StallMeter
from i3desk.help.licence_list import LICENCE_ROLE
from i3desk.paths import Paths
from i3desk.workers.active_model import ModelState

BIG = 2000  # messages
TIME_LIMIT_S = 120
LIMIT_MS = 50
Step = Callable[[], bool] | float  # what to wait for, or for how many seconds


def prepare(paths: Paths) -> int:
    """Store conversations of earlier days, one of them big; returns the id of the big one."""
    store = Store(paths.conversations_file)
    day = 24 * 3600
    for index, title in enumerate(("Names for a cat", "Weekend plans", "A story about a fox", "Pirate test")):
        conversation = Conversation(title=title, created_at=time.time() - (index + 1) * day)
        conversation.add(USER, f"{title.lower()}, please", None)
        conversation.add(ASSISTANT, "maybe luna, or biscuit, or pumpkin. do you like them?", conversation.leaf, seed=7)
        conversation.updated_at = conversation.created_at
        store.add(conversation)
    big = Conversation(title="A very long talk", created_at=time.time() - 2 * day)
    for index in range(BIG):
        text = f"message {index} about the {'sea' if index % 3 else 'lighthouse'}. " * (1 + index % 7)
        big.add(ASSISTANT if index % 2 else USER, text, big.leaf)
    big.updated_at = big.created_at
    store.add(big)
    store.close()
    return big.id


class Tour(QObject):
    """Runs `steps`, a generator of conditions or seconds to wait for."""

    def __init__(self, app: Application, big: int, pictures: Path | None, train: bool) -> None:
        super().__init__()
        self.result: dict = {"ok": False, "stalls_ms": {}, "busy_ms": {}}
        self.app, self.window, self.big = app, app.window, big
        self.page = app.window.chat_page
        self._pictures = pictures
        self._stalls = StallMeter(self)
        self._phase = "start"
        self._steps = itertools.chain(self.steps(), self.training_steps() if train else ())
        self._wanted: Callable[[], bool] = lambda: True
        self._began = time.monotonic()
        self._timer = QTimer(self, interval=10)
        self._timer.timeout.connect(self._next_step)
        self._stalls.start()
        self._timer.start()

    def _next_step(self) -> None:
        if time.monotonic() - self._began > TIME_LIMIT_S:
            self._end(f"not done with {self._phase} in time")
        elif self._wanted():
            try:
                wanted = next(self._steps)
            except StopIteration:
                self.result["ok"] = True
                self._end()
            except Exception as error:
                self._end(f"{self._phase}: {type(error).__name__}: {error}")
            else:
                self._wanted = _after(wanted) if isinstance(wanted, float) else wanted

    def _end(self, error: str = "") -> None:
        if error:
            self.result["error"] = error
        self._timer.stop()
        self.phase("end")
        slow = [name for name, busy in self.result["busy_ms"].items() if busy > LIMIT_MS]
        self.result["slow"] = slow
        self.window.close()

    def phase(self, name: str) -> None:
        """Start another phase; the longest stall of the last one is recorded."""
        self.result["busy_ms"][self._phase] = round(self._stalls.busiest_ms, 1)
        self.result["stalls_ms"][self._phase] = round(self._stalls.restart(), 1)
        self._phase = name

    def picture(self, name: str, window: QWidget | None = None) -> None:
        """Save a picture of a window (the main one by default) if wanted; its time is not counted."""
        if self._pictures is not None:
            busy, stall = self._stalls.busiest_ms, self._stalls.restart()
            (window or self.window).grab().save(str(self._pictures / f"{name}.png"))
            self._stalls.restart()
            self._stalls.longest_ms, self._stalls.busiest_ms = stall, busy

    def say(self, text: str) -> Iterator[Step]:
        """Write into the composer a word at a time, and press Enter."""
        for word in text.split(" "):
            QTest.keyClicks(self.page.composer.edit, word + " ")
            yield 0.02
        QTest.keyClick(self.page.composer.edit, Qt.Key.Key_Return)
        yield 0.02

    def press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.ControlModifier) -> None:
        """Press a shortcut."""
        QTest.keyClick(self.window, key, modifiers)

    def quiet(self) -> bool:
        """Whether no reply is being generated."""
        return not self.window.session.any_busy

    def steps(self) -> Iterator[Step]:
        """The walk."""
        session, model = self.window.session, self.app.services.model
        self.window.activateWindow()
        yield lambda: model.state is ModelState.READY and self.window.isActiveWindow()
        self.picture("empty")
        self.phase("stream")
        yield from self.say("hello! who are you?")
        yield self.quiet
        yield from self.say("do you like music?")
        yield self.quiet
        yield 0.15
        first = session.conversation.id
        assert session.conversation.last.shown_text
        self.picture("chat")

        self.phase("versions")
        self.press(Qt.Key.Key_R)
        yield self.quiet
        assert len(session.conversation.versions(session.conversation.leaf)) == 2
        yield 0.1
        self.picture("versions")

        self.phase("glass box")
        self.press(Qt.Key.Key_G)
        yield 0.15
        self.picture("glass")
        reply = session.conversation.last
        place = next(index for index, chunk in enumerate(reply.chunks) if len(chunk.alternatives) > 1)
        other = next(a for a in reply.chunks[place].alternatives if a.token_id != reply.chunks[place].token_id)
        self.page.transcript.alternative_chosen.emit(reply.number, place, other.token_id)
        yield self.quiet
        self.result["branch_first_token_s"] = session.conversation.last.seconds_to_first_token
        assert len(session.conversation.versions(session.conversation.leaf)) == 3
        self.press(Qt.Key.Key_G)
        yield 0.1

        self.phase("switch while streaming")
        yield from self.say("and what do you like to do?")
        yield 0.05
        self.press(Qt.Key.Key_N)
        yield 0.1
        self.app.actions.open(first)
        yield 0.1
        yield self.quiet

        self.phase("open big")
        began = time.perf_counter()
        self.app.actions.open(self.big)
        yield lambda: session.conversation.id == self.big
        self.result["open_big_s"] = round(time.perf_counter() - began, 3)
        yield 0.15
        self.picture("big")

        self.phase("scroll big")
        bar = self.page.transcript.verticalScrollBar()
        for share in (0.9, 0.5, 0.2, 0.0, 0.3, 0.7, 1.0):
            bar.setValue(int(bar.maximum() * share))
            yield 0.05
        for _ in range(40):
            bar.setValue(bar.value() - 120)
            yield 0.016

        self.phase("search")
        self.press(Qt.Key.Key_K)
        for word in ("light", "house", " mess"):
            QTest.keyClicks(self.window.sidebar.search, word)
            yield 0.05
        yield 0.4
        self.picture("search")
        self.window.sidebar.search.clear()
        yield 0.1

        self.phase("load a model")
        self.press(Qt.Key.Key_M)
        yield 0.15
        self.picture("models")
        before = model.info
        self.app.services.use_model(None, "int8")
        yield lambda: model.info is not before
        yield 0.15
        assert model.info.precision == "int8"
        self.picture("models-int8")
        self.press(Qt.Key.Key_1)
        yield 0.1
        self.app.actions.open(first)
        yield 0.1
        yield from self.say("are you still there?")
        yield self.quiet
        yield 0.1

        self.phase("delete and undo")
        count = len(self.app.services.conversations.model.rows)
        self.app.actions.delete(first)
        yield 0.15
        assert len(self.app.services.conversations.model.rows) == count - 1
        self.picture("deleted")
        self.window.toast.take_action()
        yield 0.15
        assert len(self.app.services.conversations.model.rows) == count
        assert session.conversation.id == first

        self.phase("settings")
        self.press(Qt.Key.Key_Comma)
        yield 0.15
        self.picture("settings")
        page = self.window.settings_page
        page.show_card(page.about)
        yield 0.1
        self.picture("about")

        self.phase("licences")
        page.about.licences_button.click()
        window = self.app.help.licences
        yield lambda: window.list.count() > 20
        longest = max(range(window.list.count()), key=lambda row: len(window.list.item(row).data(LICENCE_ROLE).text))
        window.list.setCurrentRow(longest)
        yield lambda: window.text.complete
        window.filter.setText("torch")
        yield 0.15
        self.picture("licences", window)
        window.close()
        self.window.activateWindow()
        yield self.window.isActiveWindow
        self.press(Qt.Key.Key_1)
        yield 0.1

    def training_steps(self) -> Iterator[Step]:
        """The rest of the walk: a run, and the chat beside it."""
        page, runs = self.app.services.train_page, self.app.services.runs
        self.phase("train page")
        self.press(Qt.Key.Key_2)
        yield 3.0
        self.picture("train-empty")
        self.phase("set up")
        page.add_data([assets.path("data/pirate.jsonl")])
        page.setup.presets.buttons["quick"].click()
        yield 12.0
        self.picture("train-set-up")
        self.phase("train")
        page.setup.start_button.click()
        yield lambda: runs.active is not None and runs.active.step >= 45
        self.picture("train-running")
        self.phase("chat beside training")
        self.press(Qt.Key.Key_1)
        yield 0.3
        yield from self.say("tell me about the sea")
        yield self.quiet
        self.result["tokens_per_second_beside"] = round(self.window.session.conversation.last.tokens_per_second)
        self.phase("chat with the run")
        self.app.services.train_page.chat_requested.emit(str(page.folder))
        yield lambda: self.app.services.model.info.step is not None
        yield from self.say("what do you like to eat?")
        yield self.quiet
        self.picture("chat-run")
        self.phase("correct")
        row = last_reply(self.page.transcript)
        row.begin_correction()
        yield 0.3
        self.picture("correct")
        row.editor.field.setPlainText("i like fried squid with lemon.")
        QTest.keyClick(row.editor.field, Qt.Key.Key_Return)
        yield 0.3
        self.app.services.teacher.bar.show_button.click()
        yield 0.3
        self.picture("teach")
        self.phase("train to the end")
        self.press(Qt.Key.Key_2)
        yield lambda: runs.active is None
        yield 0.5
        self.picture("train-done")
        self.phase("side by side")
        page.run_panel.controls.compare_button.click()
        yield 0.3
        page.comparison.prompt.setText("what do you like to eat?")
        page.comparison.ask_button.click()
        yield lambda: not page.comparison.busy
        yield 0.3
        self.picture("side-by-side")
        self.phase("runs")
        self.press(Qt.Key.Key_3)
        yield 1.0
        self.picture("runs")


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--theme", default="light")
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--train", action="store_true", help="continue with a training run of a minute")
    options = parser.parse_args()
    with temporary_folder("tour") as name:
        paths = Paths.under(options.folder or Path(name))
        os.environ["I3DESK_RUNS_FILE"] = str(Path(name) / "runs.json")  # not the user's
        big = prepare(paths)
        qt_app = create_qt_app()
        app = Application(qt_app, paths, theme=options.theme)
        app.window.resize(*map(int, options.size.split("x")))
        app.crash_reporter.install()
        app.window.closed.connect(qt_app.quit)
        if options.pictures:
            options.pictures.mkdir(parents=True, exist_ok=True)
        tours = []
        app.window.first_painted.connect(lambda: tours.append(Tour(app, big, options.pictures, options.train)))
        app.crash_reporter.crashed.connect(lambda details: tours[0].result.update(crash=details))
        app.show()
        qt_app.exec()
        app.crash_reporter.remove()
    print(json.dumps(tours[0].result), flush=True)
    return 0 if tours[0].result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
