"""What happens in a chat: sends, stops and retries, and turns the worker's pieces into a conversation."""

from __future__ import annotations

import enum
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.settings import SamplingConfig
from i3desk.chat.conversation import (
    ENDED,
    Conversation,
    Prompt,
    Reply,
    ReplyState,
    Turn,
)
from i3desk.jobs import ModelInfo, ModelJobs

DRAW_EVERY_MS = 40


class ModelState(enum.Enum):
    """Where the model stands."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class ChatSession(QObject):
    """The conversation on screen and the job that answers it.

    Pieces are stored as they come and handed on every DRAW_EVERY_MS, however fast they come.

    Signals:
        cleared: a new, empty conversation.
        turn_added(index): the user said something.
        reply_changed(index): the reply of a turn has other text or another state.
        window_changed: `conversation.window_used` or `first_seen` is new.
        state_changed: `busy` or `model_state` is new.
    """

    cleared = Signal()
    turn_added = Signal(object)
    reply_changed = Signal(object)
    window_changed = Signal()
    state_changed = Signal()

    def __init__(self, jobs: ModelJobs, sampling: Callable[[], SamplingConfig], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.conversation = Conversation()
        self.model_state = ModelState.LOADING
        self.model: ModelInfo | None = None
        self.load_error = ("", "")
        self._jobs = jobs
        self._sampling = sampling
        self._folder: str | None = None
        self._job: int | None = None
        self._prompt: Prompt | None = None
        self._pieces: list = []
        self._draw_timer = QTimer(self, interval=DRAW_EVERY_MS)
        self._draw_timer.timeout.connect(self._draw)

        jobs.model_ready.connect(self._on_model_ready)
        jobs.load_failed.connect(self._on_load_failed)
        jobs.piece_ready.connect(self._on_piece)
        jobs.finished.connect(self._on_finished)
        jobs.cancelled.connect(self._on_cancelled)
        jobs.failed.connect(self._on_failed)

    @property
    def busy(self) -> bool:
        """A reply is queued or under way."""
        return bool(self.conversation.turns) and self.conversation.turns[-1].reply.state not in ENDED

    def load(self, folder: str | None) -> None:
        """Begin to load a model folder, or the bundled model (None)."""
        self._folder = folder
        self.model_state = ModelState.LOADING
        self._jobs.load(folder)
        self.state_changed.emit()

    def load_again(self) -> None:
        """Try again what failed to load."""
        self.load(self._folder)

    def send(self, text: str) -> bool:
        """Say something to i3; it waits if the model still loads. Returns False if there is nothing to send now."""
        if self.busy or not text.strip():
            return False
        self.conversation.turns.append(Turn(text.strip()))
        self.turn_added.emit(len(self.conversation.turns) - 1)
        self._answer()
        return True

    def stop(self) -> None:
        """End the reply that is under way; what has been said stays."""
        if not self.busy:
            return
        if self._job is None:
            self._end(ReplyState.STOPPED)
        else:
            self._jobs.cancel()

    def retry(self) -> None:
        """Answer the last message anew."""
        if self.conversation.turns and not self.busy:
            self.conversation.turns[-1].reply = Reply()
            self._answer()

    def start_new(self) -> None:
        """Leave this conversation for an empty one."""
        self._jobs.cancel()
        self._job = None
        self._pieces.clear()
        self._draw_timer.stop()
        self.conversation = Conversation(window=self.model.window if self.model else 0)
        self.cleared.emit()
        self.window_changed.emit()
        self.state_changed.emit()

    def _answer(self) -> None:
        """Ask the model for the last turn's reply, or leave it queued until there is a model."""
        if self.model_state is ModelState.READY:
            self._reply.state = ReplyState.WAITING
            self._prompt = self.conversation.prompt()
            self._job = self._jobs.generate(self._prompt.messages, self._sampling())
            self._draw_timer.start()
        elif self.model_state is ModelState.FAILED:
            self.load_again()
        self.reply_changed.emit(self._last)
        self.state_changed.emit()

    @property
    def _last(self) -> int:
        return len(self.conversation.turns) - 1

    @property
    def _reply(self) -> Reply:
        return self.conversation.turns[-1].reply

    @Slot(object)
    def _on_model_ready(self, model: ModelInfo) -> None:
        self.model = model
        self.model_state = ModelState.READY
        self.conversation.window = model.window
        self.window_changed.emit()
        self.state_changed.emit()
        if self.busy:
            self._answer()

    @Slot(str, str)
    def _on_load_failed(self, what: str, remedy: str) -> None:
        self.model_state = ModelState.FAILED
        self.load_error = (what, remedy)
        if self.busy:
            self._reply.what_failed, self._reply.remedy = what, remedy
            self._end(ReplyState.FAILED)
        self.state_changed.emit()

    @Slot(object, object)
    def _on_piece(self, job: int, piece) -> None:
        if job == self._job:
            self._pieces.append(piece)

    @Slot()
    def _draw(self) -> None:
        """Take over the pieces stored since the last time."""
        if not self._pieces:
            return
        pieces, self._pieces = self._pieces, []
        reply, conversation, last = self._reply, self.conversation, pieces[-1]
        reply.text += "".join(piece.text for piece in pieces)
        reply.state = ReplyState.STREAMING
        reply.new_tokens = last.new_tokens
        reply.tokens_per_second = last.tokens_per_second
        reply.seconds_to_first_token = last.seconds_to_first_token
        reply.seed = last.seed
        reply.finish_reason = last.finish_reason
        conversation.window_used, conversation.window = last.window_used, last.window
        conversation.first_seen = self._first_seen(last.dropped_turns)
        self.reply_changed.emit(self._last)
        self.window_changed.emit()

    def _first_seen(self, dropped: int) -> tuple[int, str] | None:
        """Where the model's view begins when the prompt's first `dropped` messages were left out."""
        if not dropped or dropped >= len(self._prompt.messages):
            return None
        return self._prompt.turns[dropped], self._prompt.messages[dropped]["role"]

    @Slot(object)
    def _on_finished(self, job: int) -> None:
        if job == self._job:
            self._end(ReplyState.DONE)

    @Slot(object)
    def _on_cancelled(self, job: int) -> None:
        if job == self._job:
            self._end(ReplyState.STOPPED)

    @Slot(object, str, str)
    def _on_failed(self, job: int, what: str, remedy: str) -> None:
        if job == self._job:
            self._draw()
            self._reply.what_failed, self._reply.remedy = what, remedy
            self._end(ReplyState.FAILED)

    def _end(self, state: ReplyState) -> None:
        self._draw()
        self._draw_timer.stop()
        self._job = None
        self._reply.state = state
        self.reply_changed.emit(self._last)
        self.state_changed.emit()
