"""`i3desk --smoke`: open the window, chat, train two steps, read the chat back, print one JSON line."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot

from i3core.errors import I3Error
from i3core.runs.reader import RunState, RunStatus
from i3core.system import assets
from i3core.system.temporary import temporary_folder
from i3desk.app import Application, create_qt_app
from i3desk.conversations.conversation import ASSISTANT, ReplyState
from i3desk.conversations.store import Store
from i3desk.event_loop_stalls import StallMeter, seconds_since_start
from i3desk.paths import Paths
from i3desk.runs import operations
from i3desk.workers.model_worker import ModelInfo

MESSAGE = "tell me a short story about a fox"
TIME_LIMIT_MS = 300_000
END_LIMIT_S = 60  # for closing
SEED = 1
TRAINING_DATA = "data/lighthouse.txt"


class SmokeRun(QObject):
    """Use the window as a user would, step by step, and measure.

    Attributes:
        result: fields of the JSON line.
    """

    def __init__(self, app: Application, model: str) -> None:
        super().__init__()
        self.result: dict = {
            "ok": False,
            "first_paint_s": None,
            "model_ready_s": None,
            "first_token_s": None,
            "tokens_per_second": None,
            "max_stall_ms": None,
            "startup_stall_ms": None,
            "messages_kept": None,
        }
        self._model = model
        self._app = app
        self._window = app.window
        self._run_folder: Path | None = None
        self._stalls = StallMeter(self)
        self._sent = False
        self._closing = False
        self._runs = app.services.runs
        self._runs.ended.connect(self._on_training_ended)
        self._runs.failed.connect(self._on_refused)
        self._window.first_painted.connect(self._on_first_painted)
        app.model_worker.model_ready.connect(self._on_model_ready)
        app.model_worker.load_failed.connect(self._on_load_failed)
        app.crash_reporter.crashed.connect(self._on_crashed)
        self._window.session.busy_changed.connect(self._on_busy_changed)
        QTimer.singleShot(TIME_LIMIT_MS, self, self._on_time_limit)

    @Slot()
    def _on_first_painted(self) -> None:
        self.result["first_paint_s"] = round(seconds_since_start(), 3)
        self._stalls.start()

    @Slot(object)
    def _on_model_ready(self, _model: ModelInfo) -> None:
        self.result["model_ready_s"] = round(seconds_since_start(), 3)
        self.result["startup_stall_ms"] = round(self._stalls.restart(), 1)
        QTimer.singleShot(0, self._send)

    @Slot()
    def _send(self) -> None:
        composer = self._window.chat_page.composer
        composer.edit.setPlainText(MESSAGE)
        self._sent = True
        composer.send_button.click()

    @Slot()
    def _on_busy_changed(self) -> None:
        reply = self._window.session.conversation.last
        if not self._sent or reply is None or reply.role != ASSISTANT or not reply.ended:
            return
        self._sent = False
        first_token_s = reply.seconds_to_first_token
        if reply.state is not ReplyState.DONE or not reply.shown_text or first_token_s is None:
            self._fail(f"The reply ended as {reply.state.value} with {reply.new_tokens} tokens. {reply.what_failed}")
            return
        self.result["first_token_s"] = round(first_token_s, 3)
        self.result["tokens_per_second"] = round(reply.tokens_per_second, 1)
        config = {"model": self._model, "data": [str(assets.path(TRAINING_DATA))], "steps": 2, "batch_size": 2}
        self._run_folder = self._runs.start(config, "smoke")

    @Slot(str, object)
    def _on_training_ended(self, folder: str, status: RunStatus) -> None:
        if status.state is not RunState.FINISHED:
            self._fail(f"The training ended as {status.state}. {status.error}")
            return
        try:
            lines = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            steps = sum("loss" in json.loads(line) for line in lines)
        except (OSError, ValueError) as error:
            self._fail(f"The run folder cannot be read: {error}")
            return
        if steps < 2:
            self._fail(f"The training logged {steps} steps instead of 2.")
            return
        self.result["ok"] = True
        self._close()

    @Slot(str)
    def _fail(self, error: str) -> None:
        self.result["ok"] = False
        self.result.setdefault("error", error.strip())
        self._close()

    @Slot(str, str)
    def _on_refused(self, what: str, remedy: str) -> None:
        self._fail(f"{what} {remedy}")

    @Slot(str, str)
    def _on_load_failed(self, what: str, remedy: str) -> None:
        self._fail(f"{what} {remedy}")

    @Slot(str)
    def _on_crashed(self, details: str) -> None:
        self._fail(details.strip().splitlines()[-1])

    @Slot()
    def _on_time_limit(self) -> None:
        self._fail(f"Not done after {TIME_LIMIT_MS // 1000} seconds.")

    def end_training(self) -> None:
        """Kill the training run if it is still running. Call after the event loop."""
        try:
            if self._run_folder is not None:
                operations.kill(self._run_folder)
        except I3Error:  # it ended by itself
            pass

    def read_back(self, paths: Paths) -> None:
        """Check that the next start would find the whole conversation. Call after the window is closed."""
        said = [message.text for message in self._window.session.conversation.path()]
        store = Store(paths.conversations_file)
        kept = [[message.text for message in store.open_with_chunks(row.id).path()] for row in store.rows()]
        store.close()
        self.result["messages_kept"] = sum(map(len, kept))
        if self.result["ok"] and kept != [said]:
            self.result |= {"ok": False, "error": f"Said: {said}. Stored: {kept}."}

    def _close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self.result["model_ready_s"] is not None:
            self.result["max_stall_ms"] = round(self._stalls.restart(), 1)
        self._window.close()
        if self._window.isVisible():  # it asks about training that is still running, and nobody answers
            self.result["ok"] = False
            self.result.setdefault("error", "The window asked a question when it was closed.")
            self._window.close_unasked()


def run_smoke(model_folder: str | None) -> int:
    """Run the smoke test in a temporary folder and print the JSON line; returns 0 on success."""
    if sys.stderr is not None:  # if the window hangs, its threads are shown and the process ends with status 1
        faulthandler.dump_traceback_later(TIME_LIMIT_MS / 1000 + END_LIMIT_S, exit=True)
    with temporary_folder("smoke") as name:
        folder = Path(name)
        os.environ["I3DESK_RUNS_FILE"] = str(folder / "runs.json")  # not the user's list of runs
        qt_app = create_qt_app()
        paths = Paths.under(folder)
        app = Application(qt_app, paths, model_folder)
        app.store.change(sampling=replace(app.store.preferences.sampling, seed=SEED))
        app.crash_reporter.install()
        app.window.closed.connect(qt_app.quit)
        run = SmokeRun(app, model_folder or assets.BUNDLED_MODEL)
        app.show()
        qt_app.exec()
        run.end_training()
        run.read_back(paths)
        app.crash_reporter.remove()
    faulthandler.cancel_dump_traceback_later()
    if sys.stdout is not None:
        print(json.dumps(run.result), flush=True)
    return 0 if run.result["ok"] else 1
