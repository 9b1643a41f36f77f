"""What happens in a chat: asks the model, and turns its pieces into messages of a conversation.

Replies belong to their conversation, not to the screen: one goes on being written while another conversation is open.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3core.pieces import Chunk, Piece
from i3desk.chat.conversation import (
    ASSISTANT,
    USER,
    ChatSettings,
    Conversation,
    Message,
    Prompt,
    ReplyState,
)
from i3desk.chat.keeper import Keeper
from i3desk.chat.model_in_use import ModelInUse, ModelState
from i3desk.chat.outlook import measure, outlook
from i3desk.jobs import ModelInfo, ModelJobs
from i3desk.store import Store

DRAW_EVERY_MS = 40


@dataclass(eq=False)
class _Answer:
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


class ChatSession(QObject):
    """The conversation on screen, and the replies that are under way in it and others.

    Pieces are stored as they come and handed on every DRAW_EVERY_MS, however fast they come.

    Attributes:
        conversation: what is on screen.
        defaults: settings that new conversations begin with.
    Signals:
        leaving: another conversation will be opened; the last chance to change this one.
        conversation_opened: `conversation` is another one.
        path_changed: messages of it were added, or another version is shown.
        message_changed(number): one of its messages has other text or another state.
        window_changed: `conversation.window_used` or `first_seen` is new.
        settings_changed: `conversation.settings` is new.
        busy_changed: `busy` or `busy_ids` is new.
    """

    leaving = Signal()
    conversation_opened = Signal()
    path_changed = Signal()
    message_changed = Signal(object)
    window_changed = Signal()
    settings_changed = Signal()
    busy_changed = Signal()

    def __init__(
        self,
        jobs: ModelJobs,
        model: ModelInUse,
        store: Store | None,
        keeper: Keeper,
        defaults: ChatSettings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.defaults = defaults
        self.conversation = Conversation(settings=defaults)
        self.model = model
        self._jobs = jobs
        self._store = store
        self._keeper = keeper
        self._answers: list[_Answer] = []
        self._unsent = ""  # written in a chat that has no messages yet, and so is not stored
        self._draw_timer = QTimer(self, interval=DRAW_EVERY_MS)
        self._draw_timer.timeout.connect(self._draw)
        model.ready.connect(self._on_model_ready)
        model.refused.connect(self._on_model_refused)
        model.changed.connect(self._on_model_changed)
        jobs.piece_ready.connect(self._on_piece)
        jobs.finished.connect(self._on_finished)
        jobs.cancelled.connect(self._on_cancelled)
        jobs.failed.connect(self._on_failed)

    # --------------------------------------------------------------------------------------------- conversations

    @property
    def busy(self) -> bool:
        """Whether a reply of the conversation on screen is under way."""
        return any(answer.conversation is self.conversation for answer in self._answers)

    @property
    def any_busy(self) -> bool:
        """Whether any reply is under way."""
        return bool(self._answers)

    @property
    def busy_ids(self) -> set[int]:
        """Stored conversations in which a reply is under way."""
        return {answer.conversation.id for answer in self._answers if answer.conversation.id is not None}

    def start_new(self, temporary: bool = False) -> None:
        """Put an empty conversation on screen, with what was written in the last empty one; replies that are under way
        go on."""
        self._remember_unsent()
        self.show(Conversation(settings=self.defaults, temporary=temporary, draft=self._unsent))

    def _remember_unsent(self) -> None:
        if not self.conversation.messages and not self.conversation.temporary:
            self._unsent = self.conversation.draft

    def find(self, number: int) -> Conversation:
        """A stored conversation, as it is in memory if it is. Raises I3Error if it cannot be read."""
        return self.find_held(number) or self._store.open(number)

    def find_held(self, number: int) -> Conversation | None:
        """A stored conversation that is in memory: on screen, being answered, or not all written yet."""
        if self.conversation.id == number:
            return self.conversation
        running = (answer.conversation for answer in self._answers if answer.conversation.id == number)
        return next(running, None) or self._keeper.find(number)

    def show(self, conversation: Conversation) -> None:
        """Put a conversation on screen. A temporary one that was there is gone."""
        if conversation is self.conversation:
            return
        self.leaving.emit()
        self._remember_unsent()
        if self.conversation.temporary:
            self._drop(self.conversation)
        self._keeper.save_now()
        self.conversation = conversation
        measure(conversation, self.model.info)
        self.conversation_opened.emit()
        self.settings_changed.emit()
        self.window_changed.emit()
        self.busy_changed.emit()

    def forget(self, *numbers: int) -> None:
        """Stored conversations go away: end their replies, and leave them if one is on screen."""
        gone = [answer.conversation for answer in self._answers if answer.conversation.id in numbers]
        for conversation in [*gone, *filter(None, map(self._keeper.find, numbers))]:
            self._drop(conversation)
        if self.conversation.id in numbers:
            self.start_new()

    def _drop(self, conversation: Conversation) -> None:
        """End its replies, write what was said (a deletion can be undone), and let go of it."""
        for answer in [answer for answer in self._answers if answer.conversation is conversation]:
            if answer.job is not None:
                self._jobs.cancel(answer.job)
            self._end(answer, ReplyState.STOPPED)
        self._keeper.save_now()
        self._keeper.drop(conversation)

    def rename(self, title: str) -> None:
        """Give the conversation on screen a title of the user's own."""
        self.conversation.title, self.conversation.has_own_title = title, True
        self._keeper.keep(self.conversation)

    def change_settings(self, settings: ChatSettings) -> None:
        """Answer by other settings from now on: here, and but for mode and persona in new conversations."""
        self.defaults = replace(settings, mode="chat", persona="")
        if settings != self.conversation.settings:
            self.conversation.settings = settings
            self._keeper.keep(self.conversation)
            measure(self.conversation, self.model.info)
            self.settings_changed.emit()
            self.window_changed.emit()

    def keep_draft(self, text: str) -> None:
        """Remember what the user has written and not sent."""
        if text != self.conversation.draft:
            self.conversation.draft = text
            self._keeper.keep(self.conversation)

    # ------------------------------------------------------------------------------------------------ what is said

    def send(self, text: str) -> bool:
        """Say something to i3; it waits if the model still loads. Returns False if it cannot be said now."""
        conversation = self.conversation
        raw = conversation.settings.mode == "raw"
        if self.busy or not text.strip() or outlook(conversation, self.model.info, text).too_long:
            return False
        question = conversation.add(USER, text if raw else text.strip(), conversation.leaf)
        conversation.draft = self._unsent = ""
        self._ask(question)
        return True

    def continue_text(self) -> None:
        """In raw mode: let the model go on from where the text ends."""
        last = self.conversation.last
        if last is not None and not self.busy:
            if last.role == ASSISTANT and last.shown_text:
                self.continue_reply(last.number)
            else:
                self.retry(last.number)

    @Slot()
    def stop(self) -> None:
        """End the reply of this conversation; what has been said stays."""
        for answer in [answer for answer in self._answers if answer.conversation is self.conversation]:
            if answer.job is None:
                self._end(answer, ReplyState.STOPPED)
            else:
                self._jobs.cancel(answer.job)

    def retry(self, number: int | None = None) -> None:
        """Answer a question anew, by default the last one; an answer with text stays as another version."""
        path = self.conversation.path()
        if not path or self.busy:
            return
        message = path[-1] if number is None else self.conversation.messages[number]
        if message.role == USER:
            self._ask(message)
        elif message.shown_text:
            self._ask(self.conversation.messages.get(message.parent))
        else:
            message.text, message.chunks, message.given_tokens, message.new_tokens = "", [], 0, 0
            self._answer(message, ())

    def edit(self, number: int, text: str) -> None:
        """Say something else in place of a message; the old version stays."""
        old = self.conversation.messages[number]
        said = text if self.conversation.settings.mode == "raw" else text.strip()
        if said.strip() and said != old.text and not self.busy:
            self._ask(self.conversation.add(USER, said, old.parent))

    def select(self, number: int) -> None:
        """Show another version of a message."""
        if not self.busy:
            self.conversation.select(number)
            self._keeper.keep(self.conversation)
            measure(self.conversation, self.model.info)
            self.path_changed.emit()
            self.window_changed.emit()

    def continue_reply(self, number: int) -> None:
        """Go on with a reply that ended early: with the same seed, as if it had never ended."""
        message = self.conversation.messages[number]
        if not self.busy:
            self.fill_chunks(message)
            self._answer(message, None, message.seed)

    def continue_from(self, number: int, index: int, token_id: int) -> None:
        """A new version of a reply: the same up to chunk `index`, there `token_id`, and on from there."""
        old = self.conversation.messages[number]
        if self.busy or not self.can_branch(old):
            return
        chosen = next((a for a in old.chunks[index].alternatives if a.token_id == token_id), None)
        if chosen is None:
            return
        kept = old.chunks[:index]
        is_end = token_id == self.model.info.template.end_id
        chunks = [*kept, Chunk(token_id, chosen.text, chosen.probability, old.chunks[index].alternatives)]
        reply = self.conversation.add(
            ASSISTANT,
            "".join(chunk.text for chunk in (kept if is_end else chunks)),
            old.parent,
            chunks=chunks,
            given_tokens=len(chunks),
            model=self.model.info.name,
        )
        if is_end:
            reply.finish_reason = "stop"
            self._keeper.keep(self.conversation, reply)
            self.path_changed.emit()
        else:
            self._answer(reply, [chunk.token_id for chunk in chunks])

    def can_branch(self, message: Message) -> bool:
        """Whether the model in use is the one that said this, so that its tokens mean the same."""
        return self.model.info is not None and bool(message.chunks) and message.model == self.model.info.name

    def fill_chunks(self, message: Message) -> None:
        """Read the tokens of a stored reply, which are not read with its conversation."""
        if not message.chunks and message.new_tokens and self._store and self.conversation.id is not None:
            try:
                message.chunks = self._store.load_chunks(self.conversation.id, message.number)
            except I3Error as error:
                self._keeper.failed.emit(error.what, error.remedy)

    # ------------------------------------------------------------------------------------------- asking the model

    def _ask(self, question: Message | None) -> None:
        """Have a question answered; None for a reply that stands first, as in an imported conversation."""
        asked = [] if question is None else [question]
        reply = self.conversation.add(ASSISTANT, parent=question.number if question else None, state=ReplyState.QUEUED)
        self._keeper.keep(self.conversation, *asked, reply)
        self._answer(reply, ())

    def _answer(self, reply: Message, begun: Sequence[int] | None, seed: int | None = None) -> None:
        """Have the model write `reply` on from `begun`, now or as soon as there is one."""
        reply.state = ReplyState.QUEUED
        reply.what_failed = reply.remedy = ""
        reply.finish_reason = None
        answer = _Answer(self.conversation, reply, begun, seed)
        self._answers.append(answer)
        if self.model.answers_now:
            self._request(answer)
        elif self.model.state in (ModelState.FAILED, ModelState.NONE):
            self.model.load_again()
        self._keeper.keep(self.conversation, reply)
        self.path_changed.emit()
        self.busy_changed.emit()

    def _request(self, answer: _Answer) -> None:
        conversation, reply, model = answer.conversation, answer.message, self.model.info
        settings = conversation.settings
        if answer.begun is None:
            answer.begun = self._ids_of(reply)
        reply.state, reply.model = ReplyState.WAITING, model.name
        reply.sampling = settings.sampling if answer.seed is None else replace(settings.sampling, seed=answer.seed)
        raw = settings.mode == "raw"
        nothing = Prompt("" if raw else [], [])
        before = reply.parent
        answer.prompt = nothing if before is None else conversation.prompt(before, model.has_place_for_persona)
        answer.job = self._jobs.generate(answer.prompt.content, reply.sampling, answer.begun, keep_end=raw)
        self._draw_timer.start()

    def _ids_of(self, reply: Message) -> list[int]:
        if self.can_branch(reply):
            ids = [chunk.token_id for chunk in reply.chunks]
            return ids[:-1] if ids and ids[-1] == self.model.info.template.end_id else ids
        # Another model's tokens say nothing here: the text is given to this one in its own.
        tokenizer = self.model.info.template.tokenizer
        ids = tokenizer.encode(reply.text)
        reply.chunks = [Chunk(token_id, tokenizer.chunks[token_id], 1.0) for token_id in ids]
        reply.given_tokens = len(ids)
        return ids

    def _request_waiting(self) -> None:
        if self.model.answers_now:
            for answer in self._answers:
                if answer.job is None:
                    self._request(answer)
                    self._tell(answer)

    @Slot(object)
    def _on_model_ready(self, _model: ModelInfo) -> None:
        self._request_waiting()
        if not self.busy:
            measure(self.conversation, self.model.info)
        self.settings_changed.emit()
        self.window_changed.emit()
        self.busy_changed.emit()

    @Slot(str, str)
    def _on_model_refused(self, what: str, remedy: str) -> None:
        if self.model.state is ModelState.FAILED:
            for answer in [answer for answer in self._answers if answer.job is None]:
                self._fail(answer, what, remedy)
        self._request_waiting()

    @Slot()
    def _on_model_changed(self) -> None:
        if self.model.info is None and self.conversation.window:
            measure(self.conversation, None)
            self.window_changed.emit()

    # --------------------------------------------------------------------------------------------- what it answers

    @Slot(object, object)
    def _on_piece(self, job: int, piece: Piece) -> None:
        answer = self._find(job)
        if answer is not None:
            answer.pieces.append(piece)

    def _find(self, job: int) -> _Answer | None:
        return next((answer for answer in self._answers if answer.job == job), None)

    @Slot()
    def _draw(self) -> None:
        """Take over the pieces stored since the last time."""
        for answer in self._answers:
            self._take_over(answer)

    def _take_over(self, answer: _Answer) -> None:
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
        self._keeper.keep(conversation, reply)
        self._tell(answer)
        if conversation is self.conversation:
            self.window_changed.emit()

    def _tell(self, answer: _Answer) -> None:
        if answer.conversation is self.conversation:
            self.message_changed.emit(answer.message.number)

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

    def _fail(self, answer: _Answer, what: str, remedy: str) -> None:
        answer.message.what_failed, answer.message.remedy = what, remedy
        self._end(answer, ReplyState.FAILED)

    def _end(self, answer: _Answer, state: ReplyState) -> None:
        self._take_over(answer)
        self._answers.remove(answer)
        if not self._answers:
            self._draw_timer.stop()
        answer.message.state = state
        answer.conversation.updated_at = time.time()
        self._keeper.keep(answer.conversation, answer.message)
        self._keeper.save_now()
        self._tell(answer)
        self.busy_changed.emit()

    def finish(self) -> None:
        """The window closes: keep what has been said so far. Replies under way are marked as cut at the next start."""
        self._draw()
        self._draw_timer.stop()
        self._answers.clear()
        self._keeper.save_now()
