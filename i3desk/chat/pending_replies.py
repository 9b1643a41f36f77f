"""Unfinished replies: requested when a model is ready, filled from its pieces, and saved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.generation.outputs import Chunk, Piece
from i3core.text.chat_template import ChatTemplate
from i3desk.chat.autosave import Autosave
from i3desk.conversations.conversation import Conversation, Message, Prompt, ReplyState
from i3desk.workers.active_model import ActiveModel, ModelState
from i3desk.workers.model_worker import ModelInfo, ModelWorker

DRAW_EVERY_MS = 40


@dataclass(eq=False)
class PendingReply:
    """An unfinished reply.

    Attributes:
        prefix_ids: token ids that it starts with; None if its text is not yet tokenized.
        seed: the seed of the continued reply; None to use the settings' seed.
        job: None until it is requested from the model.
    """

    conversation: Conversation
    message: Message
    prefix_ids: Sequence[int] | None
    seed: int | None = None
    prompt: Prompt | None = None
    job: int | None = None
    pieces: list[Piece] = field(default_factory=list)


class PendingReplies(QObject):
    """All unfinished replies, in any conversation.

    Pieces are collected as they come and added to the messages every DRAW_EVERY_MS.

    Signals:
        message_changed(conversation, number): Emitted when the text or state of a reply has changed.
        window_changed(conversation): Emitted when the model has reported its use of the context window.
        changed: Emitted when replies have started or ended.
    """

    message_changed = Signal(object, object)
    window_changed = Signal(object)
    changed = Signal()

    def __init__(
        self, worker: ModelWorker, model: ActiveModel, autosave: Autosave, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._worker = worker
        self._model = model
        self._autosave = autosave
        self._replies: list[PendingReply] = []
        self._refusal = ("", "")
        self._draw_timer = QTimer(self, interval=DRAW_EVERY_MS)
        self._draw_timer.timeout.connect(self.add_pieces)
        model.ready.connect(self._on_model_ready)
        model.refused.connect(self._on_model_refused)
        worker.piece_ready.connect(self._on_piece)
        worker.finished.connect(self._on_finished)
        worker.cancelled.connect(self._on_cancelled)
        worker.failed.connect(self._on_failed)

    def __bool__(self) -> bool:
        return bool(self._replies)

    def conversations(self) -> list[Conversation]:
        """The conversations with an unfinished reply."""
        return [pending.conversation for pending in self._replies]

    def start(
        self, conversation: Conversation, reply: Message, prefix_ids: Sequence[int] | None, seed: int | None = None
    ) -> None:
        """Request the rest of `reply` after `prefix_ids` (None: its text), as soon as a model is ready."""
        reply.state = ReplyState.QUEUED
        reply.what_failed = reply.remedy = ""
        reply.finish_reason = None
        pending = PendingReply(conversation, reply, prefix_ids, seed)
        self._replies.append(pending)
        if self._model.answers_now:
            QTimer.singleShot(0, self, self._request_waiting)  # once the window shows the question
        elif self._model.state in (ModelState.FAILED, ModelState.NONE):
            self._model.load_again()
        self._autosave.keep(conversation, reply)
        self.changed.emit()

    def stop(self, conversation: Conversation) -> None:
        """Stop a conversation's replies; the text so far stays."""
        for pending in self._of(conversation):
            if pending.job is None:
                self._end(pending, ReplyState.STOPPED)
            else:
                self._worker.cancel(pending.job)

    def drop(self, conversation: Conversation) -> None:
        """End a conversation's replies at once; later pieces are ignored."""
        for pending in self._of(conversation):
            if pending.job is not None:
                self._worker.cancel(pending.job)
            self._end(pending, ReplyState.STOPPED)

    def abandon(self) -> None:
        """Add the last pieces before the program ends; the next start marks these replies as cut."""
        self.add_pieces()
        self._draw_timer.stop()
        self._replies.clear()

    def can_branch(self, message: Message) -> bool:
        """True if the model in use wrote this message, so that its token ids are valid."""
        return self._model.info is not None and bool(message.chunks) and message.model == self._model.info.label

    def _of(self, conversation: Conversation) -> list[PendingReply]:
        return [pending for pending in self._replies if pending.conversation is conversation]

    def _request(self, pending: PendingReply) -> None:
        conversation, reply, model = pending.conversation, pending.message, self._model.info
        assert model is not None
        settings = conversation.settings
        if pending.prefix_ids is None:
            pending.prefix_ids = self._ids_of(reply, model.template)
        reply.state, reply.model = ReplyState.WAITING, model.label
        reply.sampling = settings.sampling if pending.seed is None else replace(settings.sampling, seed=pending.seed)
        raw = settings.mode == "raw"
        nothing = Prompt("" if raw else [], [])
        before = reply.parent
        pending.prompt = nothing if before is None else conversation.prompt(before)
        pending.job = self._worker.generate(
            pending.prompt.content, reply.sampling, pending.prefix_ids, truncate_left=raw
        )
        self._draw_timer.start()

    def _ids_of(self, reply: Message, template: ChatTemplate) -> list[int]:
        if self.can_branch(reply):
            ids = [chunk.token_id for chunk in reply.chunks]
            return ids[:-1] if ids and ids[-1] == template.end_id else ids
        # The ids are of another model: encode the text with this one's tokenizer.
        ids = template.encode_text(reply.text)
        pieces = template.tokenizer.pieces(ids)
        reply.chunks = [Chunk(token_id, text, 1.0) for token_id, text in zip(ids, pieces, strict=True)]
        reply.given_tokens = len(ids)
        return ids

    def _request_waiting(self) -> None:
        if self._model.answers_now:
            for pending in self._replies:
                if pending.job is None:
                    self._request(pending)
                    self._emit_changed(pending)

    @Slot(object)
    def _on_model_ready(self, _model: ModelInfo) -> None:
        self._request_waiting()

    @Slot(str, str)
    def _on_model_refused(self, what: str, remedy: str) -> None:
        self._request_waiting()
        self._refusal = (what, remedy)
        QTimer.singleShot(0, self, self._fail_waiting)  # another model may be requested meanwhile

    @Slot()
    def _fail_waiting(self) -> None:
        if self._model.state is ModelState.FAILED:
            for pending in [pending for pending in self._replies if pending.job is None]:
                self._fail(pending, *self._refusal)

    @Slot(object, object)
    def _on_piece(self, job: int, piece: Piece) -> None:
        pending = self._find(job)
        if pending is not None:
            pending.pieces.append(piece)

    def _find(self, job: int) -> PendingReply | None:
        return next((pending for pending in self._replies if pending.job == job), None)

    @Slot()
    def add_pieces(self) -> None:
        """Add the pieces collected since the last time to their messages."""
        for pending in self._replies:
            self._add_pieces(pending)

    def _add_pieces(self, pending: PendingReply) -> None:
        if not pending.pieces:
            return
        pieces, pending.pieces = pending.pieces, []
        reply, conversation, last = pending.message, pending.conversation, pieces[-1]
        reply.text += "".join(piece.text for piece in pieces)
        reply.chunks.extend(piece.chunk for piece in pieces if piece.chunk is not None)
        reply.state = ReplyState.STREAMING
        reply.new_tokens = max(last.new_tokens, len(reply.chunks) - reply.given_tokens)
        reply.tokens_per_second = last.tokens_per_second
        reply.seconds_to_first_token = last.seconds_to_first_token
        reply.seed = last.seed
        reply.finish_reason = last.finish_reason
        conversation.window_used, conversation.window = last.window_used, last.window
        if conversation.settings.mode == "chat" and pending.prompt is not None:
            seen = [number for number in pending.prompt.numbers if number is not None]
            conversation.first_seen = seen[last.dropped_turns] if 0 < last.dropped_turns < len(seen) else None
        self._autosave.keep(conversation, reply)
        self._emit_changed(pending)
        self.window_changed.emit(conversation)

    def _emit_changed(self, pending: PendingReply) -> None:
        self.message_changed.emit(pending.conversation, pending.message.number)

    @Slot(object)
    def _on_finished(self, job: int) -> None:
        self._on_ended(job, ReplyState.DONE)

    @Slot(object)
    def _on_cancelled(self, job: int) -> None:
        self._on_ended(job, ReplyState.STOPPED)

    @Slot(object, str, str)
    def _on_failed(self, job: int, what: str, remedy: str) -> None:
        pending = self._find(job)
        if pending is not None:
            self._fail(pending, what, remedy)

    def _on_ended(self, job: int, state: ReplyState) -> None:
        pending = self._find(job)
        if pending is not None:
            self._end(pending, state)

    def _fail(self, pending: PendingReply, what: str, remedy: str) -> None:
        pending.message.what_failed, pending.message.remedy = what, remedy
        self._end(pending, ReplyState.FAILED)

    def _end(self, pending: PendingReply, state: ReplyState) -> None:
        self._add_pieces(pending)
        self._replies.remove(pending)
        if not self._replies:
            self._draw_timer.stop()
        pending.message.state = state
        pending.conversation.updated_at = time.time()
        self._autosave.keep(pending.conversation, pending.message)
        self._autosave.save_now()
        self._emit_changed(pending)
        self.changed.emit()
