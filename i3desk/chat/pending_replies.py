"""Replies that are under way: asked for as soon as there is a model, taken over from its pieces, kept in the store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.generation.outputs import Chunk, Piece
from i3desk.chat.autosave import Autosave
from i3desk.conversations.conversation import Conversation, Message, Prompt, ReplyState
from i3desk.workers.active_model import ActiveModel, ModelState
from i3desk.workers.model_worker import ModelInfo, ModelJobs

DRAW_EVERY_MS = 40


@dataclass(eq=False)
class PendingReply:
    """A reply that is under way.

    Attributes:
        begun: token ids that it begins with; None if its text has yet to become ids.
        seed: the seed of the reply that is continued; None to use the settings'.
        job: None until there is a model.
    """

    conversation: Conversation
    message: Message
    begun: Sequence[int] | None
    seed: int | None = None
    prompt: Prompt | None = None
    job: int | None = None
    pieces: list[Piece] = field(default_factory=list)


class PendingReplies(QObject):
    """The replies that are under way, in whatever conversation.

    Pieces are stored as they come and handed on every DRAW_EVERY_MS, however fast they come.

    Signals:
        message_changed(conversation, number): a reply has other text or another state.
        window_changed(conversation): the model told what of it is in view.
        changed: replies were begun or have ended.
    """

    message_changed = Signal(object, object)
    window_changed = Signal(object)
    changed = Signal()

    def __init__(self, jobs: ModelJobs, model: ActiveModel, autosave: Autosave, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._model = model
        self._autosave = autosave
        self._answers: list[PendingReply] = []
        self._refusal = ("", "")
        self._draw_timer = QTimer(self, interval=DRAW_EVERY_MS)
        self._draw_timer.timeout.connect(self.take_over_all)
        model.ready.connect(self._on_model_ready)
        model.refused.connect(self._on_model_refused)
        jobs.piece_ready.connect(self._on_piece)
        jobs.finished.connect(self._on_finished)
        jobs.cancelled.connect(self._on_cancelled)
        jobs.failed.connect(self._on_failed)

    def __bool__(self) -> bool:
        return bool(self._answers)

    def conversations(self) -> list[Conversation]:
        """Those in which a reply is under way."""
        return [answer.conversation for answer in self._answers]

    def begin(
        self, conversation: Conversation, reply: Message, begun: Sequence[int] | None, seed: int | None = None
    ) -> None:
        """Have the model write `reply` on from `begun` (None for the tokens of its text), now or as soon as there is
        one."""
        reply.state = ReplyState.QUEUED
        reply.what_failed = reply.remedy = ""
        reply.finish_reason = None
        answer = PendingReply(conversation, reply, begun, seed)
        self._answers.append(answer)
        if self._model.answers_now:
            self._request(answer)
        elif self._model.state in (ModelState.FAILED, ModelState.NONE):
            self._model.load_again()
        self._autosave.keep(conversation, reply)
        self.changed.emit()

    def stop(self, conversation: Conversation) -> None:
        """Ask for the end of its replies; what has been said stays."""
        for answer in self._of(conversation):
            if answer.job is None:
                self._end(answer, ReplyState.STOPPED)
            else:
                self._jobs.cancel(answer.job)

    def drop(self, conversation: Conversation) -> None:
        """End its replies at once; what the model still says is not heard."""
        for answer in self._of(conversation):
            if answer.job is not None:
                self._jobs.cancel(answer.job)
            self._end(answer, ReplyState.STOPPED)

    def abandon(self) -> None:
        """The program ends: take over what was said. At the next start these replies are marked as cut."""
        self.take_over_all()
        self._draw_timer.stop()
        self._answers.clear()

    def can_branch(self, message: Message) -> bool:
        """Whether the model in use is the one that said this, so that its tokens mean the same."""
        return self._model.info is not None and bool(message.chunks) and message.model == self._model.info.label

    def _of(self, conversation: Conversation) -> list[PendingReply]:
        return [answer for answer in self._answers if answer.conversation is conversation]

    def _request(self, answer: PendingReply) -> None:
        conversation, reply, model = answer.conversation, answer.message, self._model.info
        settings = conversation.settings
        if answer.begun is None:
            answer.begun = self._ids_of(reply)
        reply.state, reply.model = ReplyState.WAITING, model.label
        reply.sampling = settings.sampling if answer.seed is None else replace(settings.sampling, seed=answer.seed)
        raw = settings.mode == "raw"
        nothing = Prompt("" if raw else [], [])
        before = reply.parent
        answer.prompt = nothing if before is None else conversation.prompt(before, model.has_place_for_persona)
        answer.job = self._jobs.generate(answer.prompt.content, reply.sampling, answer.begun, truncate_left=raw)
        self._draw_timer.start()

    def _ids_of(self, reply: Message) -> list[int]:
        if self.can_branch(reply):
            ids = [chunk.token_id for chunk in reply.chunks]
            return ids[:-1] if ids and ids[-1] == self._model.info.template.end_id else ids
        # Another model's tokens say nothing here: the text is given to this one in its own.
        tokenizer = self._model.info.template.tokenizer
        ids = tokenizer.encode(reply.text)
        reply.chunks = [Chunk(token_id, tokenizer.chunks[token_id], 1.0) for token_id in ids]
        reply.given_tokens = len(ids)
        return ids

    def _request_waiting(self) -> None:
        if self._model.answers_now:
            for answer in self._answers:
                if answer.job is None:
                    self._request(answer)
                    self._tell(answer)

    @Slot(object)
    def _on_model_ready(self, _model: ModelInfo) -> None:
        self._request_waiting()

    @Slot(str, str)
    def _on_model_refused(self, what: str, remedy: str) -> None:
        self._request_waiting()
        self._refusal = (what, remedy)
        QTimer.singleShot(0, self, self._give_up)  # another model may be asked for instead

    @Slot()
    def _give_up(self) -> None:
        if self._model.state is ModelState.FAILED:
            for answer in [answer for answer in self._answers if answer.job is None]:
                self._fail(answer, *self._refusal)

    @Slot(object, object)
    def _on_piece(self, job: int, piece: Piece) -> None:
        answer = self._find(job)
        if answer is not None:
            answer.pieces.append(piece)

    def _find(self, job: int) -> PendingReply | None:
        return next((answer for answer in self._answers if answer.job == job), None)

    @Slot()
    def take_over_all(self) -> None:
        """Take over the pieces stored since the last time."""
        for answer in self._answers:
            self._take_over(answer)

    def _take_over(self, answer: PendingReply) -> None:
        if not answer.pieces:
            return
        pieces, answer.pieces = answer.pieces, []
        reply, conversation, last = answer.message, answer.conversation, pieces[-1]
        reply.text += "".join(piece.text for piece in pieces)
        reply.chunks.extend(piece.chunk for piece in pieces if piece.chunk is not None)
        reply.state = ReplyState.STREAMING
        reply.new_tokens = max(last.new_tokens, len(reply.chunks) - reply.given_tokens)
        reply.tokens_per_second = last.tokens_per_second
        reply.seconds_to_first_token = last.seconds_to_first_token
        reply.seed = last.seed
        reply.finish_reason = last.finish_reason
        conversation.window_used, conversation.window = last.window_used, last.window
        if conversation.settings.mode == "chat":
            seen = [number for number in answer.prompt.numbers if number is not None]
            conversation.first_seen = seen[last.dropped_turns] if 0 < last.dropped_turns < len(seen) else None
        self._autosave.keep(conversation, reply)
        self._tell(answer)
        self.window_changed.emit(conversation)

    def _tell(self, answer: PendingReply) -> None:
        self.message_changed.emit(answer.conversation, answer.message.number)

    @Slot(object)
    def _on_finished(self, job: int) -> None:
        self._on_ended(job, ReplyState.DONE)

    @Slot(object)
    def _on_cancelled(self, job: int) -> None:
        self._on_ended(job, ReplyState.STOPPED)

    @Slot(object, str, str)
    def _on_failed(self, job: int, what: str, remedy: str) -> None:
        answer = self._find(job)
        if answer is not None:
            self._fail(answer, what, remedy)

    def _on_ended(self, job: int, state: ReplyState) -> None:
        answer = self._find(job)
        if answer is not None:
            self._end(answer, state)

    def _fail(self, answer: PendingReply, what: str, remedy: str) -> None:
        answer.message.what_failed, answer.message.remedy = what, remedy
        self._end(answer, ReplyState.FAILED)

    def _end(self, answer: PendingReply, state: ReplyState) -> None:
        self._take_over(answer)
        self._answers.remove(answer)
        if not self._answers:
            self._draw_timer.stop()
        answer.message.state = state
        answer.conversation.updated_at = time.time()
        self._autosave.keep(answer.conversation, answer.message)
        self._autosave.save_now()
        self._tell(answer)
        self.changed.emit()
