"""What happens in a chat: asks the model, and turns its pieces into messages of a conversation.

Replies belong to their conversation, not to the screen: one goes on being written while another conversation is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from i3core.errors import I3Error
from i3core.generation.outputs import Chunk
from i3core.text.tokenizer import UNK_ID
from i3desk.chat.autosave import Autosave
from i3desk.chat.context_preview import context_preview, measure
from i3desk.chat.pending_replies import PendingReplies
from i3desk.conversations.conversation import (
    ASSISTANT,
    CORRECTED,
    USER,
    ChatSettings,
    Conversation,
    Message,
    ReplyState,
)
from i3desk.conversations.store import Store
from i3desk.workers.active_model import ActiveModel
from i3desk.workers.model_worker import ModelInfo, ModelJobs


class ChatSession(QObject):
    """The conversation on screen, and the replies that are under way in it and others.

    Attributes:
        conversation: what is on screen.
        defaults: settings that new conversations begin with.
    Signals:
        leaving: another conversation will be opened; the last chance to change this one.
        conversation_opened: `conversation` is another one.
        corrected(conversation, number, old): the user wrote in message `number` what reply `old` should have been.
        path_changed: messages of it were added, or another version is shown.
        message_changed(number): one of its messages has other text or another state.
        window_changed: `conversation.window_used` or `first_seen` is new.
        settings_changed: `conversation.settings` is new.
        busy_changed: `busy` or `busy_ids` is new.
    """

    leaving = Signal()
    conversation_opened = Signal()
    corrected = Signal(object, object, object)
    path_changed = Signal()
    message_changed = Signal(object)
    window_changed = Signal()
    settings_changed = Signal()
    busy_changed = Signal()

    def __init__(
        self,
        jobs: ModelJobs,
        model: ActiveModel,
        store: Store | None,
        autosave: Autosave,
        defaults: ChatSettings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.defaults = defaults
        self.conversation = Conversation(settings=defaults)
        self.model = model
        self._store = store
        self._autosave = autosave
        self._answers = PendingReplies(jobs, model, autosave, self)
        self._unsent = ""  # written in a chat that has no messages yet, and so is not stored
        self._answers.message_changed.connect(self._on_message_changed)
        self._answers.window_changed.connect(self._on_window_changed)
        self._answers.changed.connect(self.busy_changed)
        model.ready.connect(self._on_model_ready)
        model.changed.connect(self._on_model_changed)

    # --------------------------------------------------------------------------------------------- conversations

    @property
    def busy(self) -> bool:
        """Whether a reply of the conversation on screen is under way."""
        return any(conversation is self.conversation for conversation in self._answers.conversations())

    @property
    def any_busy(self) -> bool:
        """Whether any reply is under way."""
        return bool(self._answers)

    @property
    def busy_ids(self) -> set[int]:
        """Stored conversations in which a reply is under way."""
        return {conversation.id for conversation in self._answers.conversations() if conversation.id is not None}

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
        running = (each for each in self._answers.conversations() if each.id == number)
        return next(running, None) or self._autosave.find(number)

    def show(self, conversation: Conversation) -> None:
        """Put a conversation on screen. A temporary one that was there is gone."""
        if conversation is self.conversation:
            return
        self.leaving.emit()
        self._remember_unsent()
        if self.conversation.temporary:
            self._drop(self.conversation)
        self._autosave.save_now()
        self.conversation = conversation
        measure(conversation, self.model.info)
        self.conversation_opened.emit()
        self.settings_changed.emit()
        self.window_changed.emit()
        self.busy_changed.emit()

    def forget(self, *numbers: int) -> None:
        """Stored conversations go away: end their replies, and leave them if one is on screen."""
        gone = [each for each in self._answers.conversations() if each.id in numbers]
        for conversation in [*gone, *filter(None, map(self._autosave.find, numbers))]:
            self._drop(conversation)
        if self.conversation.id in numbers:
            self.start_new()

    def _drop(self, conversation: Conversation) -> None:
        """End its replies, write what was said (a deletion can be undone), and let go of it."""
        self._answers.drop(conversation)
        self._autosave.save_now()
        self._autosave.drop(conversation)

    def rename(self, title: str) -> None:
        """Give the conversation on screen a title of the user's own."""
        self.conversation.title, self.conversation.has_own_title = title, True
        self._autosave.keep(self.conversation)

    def change_settings(self, settings: ChatSettings) -> None:
        """Answer by other settings from now on: here, and but for mode and persona in new conversations."""
        self.defaults = replace(settings, mode="chat", persona="")
        if settings != self.conversation.settings:
            self.conversation.settings = settings
            self._autosave.keep(self.conversation)
            measure(self.conversation, self.model.info)
            self.settings_changed.emit()
            self.window_changed.emit()

    def keep_draft(self, text: str) -> None:
        """Remember what the user has written and not sent."""
        if text != self.conversation.draft:
            self.conversation.draft = text
            self._autosave.keep(self.conversation)

    # ------------------------------------------------------------------------------------------------ what is said

    def send(self, text: str) -> bool:
        """Say something to i3; it waits if the model still loads. Returns False if it cannot be said now."""
        conversation = self.conversation
        raw = conversation.settings.mode == "raw"
        if self.busy or not text.strip() or context_preview(conversation, self.model.info, text).too_long:
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
        self._answers.stop(self.conversation)

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

    def correct(self, number: int, text: str) -> None:
        """Put what the user wrote beside a reply, as a version of it."""
        old = self.conversation.messages[number]
        if self.busy or old.role != ASSISTANT or not text.strip() or text.strip() == old.shown_text:
            return
        reply = self.conversation.add(ASSISTANT, text.strip(), old.parent, finish_reason=CORRECTED)
        self._autosave.keep(self.conversation, reply)
        measure(self.conversation, self.model.info)
        self.path_changed.emit()
        self.window_changed.emit()
        self.corrected.emit(self.conversation, reply.number, number)

    def select(self, number: int) -> None:
        """Show another version of a message; a reply that is under way goes on in its own."""
        self.conversation.select(number)
        self._autosave.keep(self.conversation)
        measure(self.conversation, self.model.info)
        self.path_changed.emit()
        self.window_changed.emit()

    def continue_reply(self, number: int) -> None:
        """Go on with a reply that ended early: with the same seed, as if it had never ended. One that was answered
        already stays as it is, and goes on in a version beside it."""
        message = self.conversation.messages[number]
        if self.busy:
            return
        self.fill_chunks(message)
        if self.conversation.is_answered(number):
            copied = replace(message, chunks=[*message.chunks])
            fields = {name: getattr(copied, name) for name in ("chunks", "given_tokens", "new_tokens", "model")}
            message = self.conversation.add(ASSISTANT, message.text, message.parent, seed=message.seed, **fields)
        self._answer(message, None, message.seed)

    def continue_from(self, number: int, index: int, token_id: int) -> None:
        """A new version of a reply: the same up to chunk `index`, there `token_id`, and on from there."""
        old = self.conversation.messages[number]
        if self.busy or not self.can_branch(old):
            return
        chosen = next((a for a in old.chunks[index].alternatives if a.token_id == token_id), None)
        if chosen is None or not self._may_be_chosen(token_id):
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
            model=self.model.info.label,
        )
        if is_end:
            reply.finish_reason = "stop"
            self._autosave.keep(self.conversation, reply)
            self.path_changed.emit()
        else:
            self._answer(reply, [chunk.token_id for chunk in chunks])

    def fill_chunks(self, message: Message) -> None:
        """Read the tokens of a stored reply, which are not read with its conversation."""
        if not message.chunks and message.new_tokens and self._store and self.conversation.id is not None:
            try:
                message.chunks = self._store.load_chunks(self.conversation.id, message.number)
            except I3Error as error:
                self._autosave.failed.emit(error.what, error.remedy)

    # ------------------------------------------------------------------------------------------- asking the model

    def _ask(self, question: Message | None) -> None:
        """Have a question answered; None for a reply that stands first, as in an imported conversation."""
        asked = [] if question is None else [question]
        reply = self.conversation.add(ASSISTANT, parent=question.number if question else None, state=ReplyState.QUEUED)
        self._autosave.keep(self.conversation, *asked, reply)
        self._answer(reply, ())

    def _answer(self, reply: Message, begun: Sequence[int] | None, seed: int | None = None) -> None:
        self._answers.begin(self.conversation, reply, begun, seed)
        self.path_changed.emit()

    def _may_be_chosen(self, token_id: int) -> bool:
        """Marks of the template are no part of a reply, but for its end; nor is what the tokenizer does not know."""
        template = self.model.info.template
        marks = set(template.tokenizer.special_tokens.values()) | {UNK_ID}
        return token_id == template.end_id or token_id not in marks

    def can_branch(self, message: Message) -> bool:
        """Whether the model in use can go on from the tokens of this reply."""
        return self._answers.can_branch(message)

    @Slot(object)
    def _on_model_ready(self, _model: ModelInfo) -> None:
        if not self.busy:
            measure(self.conversation, self.model.info)
        self.settings_changed.emit()
        self.window_changed.emit()

    @Slot()
    def _on_model_changed(self) -> None:
        if self.model.info is None and self.conversation.window:
            measure(self.conversation, None)
            self.window_changed.emit()

    @Slot(object, object)
    def _on_message_changed(self, conversation: Conversation, number: int) -> None:
        if conversation is self.conversation:
            self.message_changed.emit(number)

    @Slot(object)
    def _on_window_changed(self, conversation: Conversation) -> None:
        if conversation is self.conversation:
            self.window_changed.emit()

    def finish(self) -> None:
        """The window closes: keep what has been said so far."""
        self._answers.abandon()
        self._autosave.save_now()
