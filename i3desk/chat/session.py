"""A chat: requests replies from the model and adds them to a conversation.

A reply belongs to its conversation, not to the screen: it continues while another conversation is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from PySide6.QtCore import QObject, Signal, Slot

from i3core.errors import I3Error
from i3core.generation.outputs import Chunk
from i3core.text.chat_template import ChatTemplate
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
from i3desk.workers.model_worker import ModelInfo, ModelWorker

ADOPTED = tuple(field.name for field in fields(Message) if field.name not in ("number", "parent", "role", "text"))


class ChatSession(QObject):
    """The conversation on screen, and the unfinished replies in all conversations.

    Attributes:
        conversation: the conversation on screen.
        defaults: settings of new conversations.
    Signals:
        leaving: Emitted before another conversation is opened.
        conversation_opened: Emitted when `conversation` has been replaced.
        corrected(conversation, number, old): Emitted when the user has written message `number` to correct reply `old`.
        path_changed: Emitted when messages are added, or another version is shown.
        message_changed(number): Emitted when the text or state of a message has changed.
        window_changed: Emitted when `conversation.window_used` or `first_seen` has changed.
        settings_changed: Emitted when `conversation.settings` has changed.
        busy_changed: Emitted when `busy` or `busy_ids` has changed.
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
        worker: ModelWorker,
        model: ActiveModel,
        store: Store,
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
        self._pending = PendingReplies(worker, model, autosave, self)
        self._unsent = ""  # the draft of a chat without messages, which is not stored
        self._pending.message_changed.connect(self._on_message_changed)
        self._pending.window_changed.connect(self._on_window_changed)
        self._pending.changed.connect(self.busy_changed)
        model.ready.connect(self._on_model_ready)
        model.changed.connect(self._on_model_changed)

    # --------------------------------------------------------------------------------------------- conversations

    @property
    def busy(self) -> bool:
        """True while a reply is being written in the conversation on screen."""
        return any(conversation is self.conversation for conversation in self._pending.conversations())

    @property
    def any_busy(self) -> bool:
        """True while any reply is being written."""
        return bool(self._pending)

    @property
    def busy_ids(self) -> set[int]:
        """Ids of the stored conversations in which a reply is being written."""
        return {conversation.id for conversation in self._pending.conversations() if conversation.id is not None}

    def start_new(self, temporary: bool = False) -> None:
        """Show an empty conversation with the draft of the last empty one; running replies continue."""
        self._remember_unsent()
        self.show(Conversation(settings=self.defaults, temporary=temporary, draft=self._unsent))

    def _remember_unsent(self) -> None:
        if not self.conversation.messages and not self.conversation.temporary:
            self._unsent = self.conversation.draft

    def find(self, number: int) -> Conversation:
        """Get a stored conversation from memory or the store. Raises I3Error if it cannot be read."""
        return self.find_held(number) or self._store.open(number)

    def find_held(self, number: int) -> Conversation | None:
        """Get a stored conversation if it is in memory: on screen, being answered, or with unwritten changes."""
        if self.conversation.id == number:
            return self.conversation
        running = (each for each in self._pending.conversations() if each.id == number)
        return next(running, None) or self._autosave.find(number)

    def show(self, conversation: Conversation) -> None:
        """Show a conversation; a temporary one on screen is discarded."""
        if conversation is self.conversation:
            return
        self.leaving.emit()
        self._remember_unsent()
        if self.conversation.temporary:
            self._discard(self.conversation)
        self._autosave.save_now()
        self.conversation = conversation
        measure(conversation, self.model.info)
        self.conversation_opened.emit()
        self.settings_changed.emit()
        self.window_changed.emit()
        self.busy_changed.emit()

    def forget(self, *numbers: int) -> None:
        """End the replies of deleted conversations; if one is on screen, start a new one."""
        gone = [each for each in self._pending.conversations() if each.id in numbers]
        for conversation in [*gone, *filter(None, map(self._autosave.find, numbers))]:
            self._discard(conversation)
        if self.conversation.id in numbers:
            self.start_new()

    def _discard(self, conversation: Conversation) -> None:
        """End a conversation's replies, write their text (a deletion can be undone), and drop it."""
        self._pending.drop(conversation)
        self._autosave.save_now()
        self._autosave.drop(conversation)

    def rename(self, title: str) -> None:
        """Set the title of the conversation on screen."""
        self.conversation.title, self.conversation.has_own_title = title, True
        self._autosave.keep(self.conversation)

    def change_settings(self, settings: ChatSettings) -> None:
        """Use other settings here and, except for mode and persona, in new conversations."""
        self.defaults = replace(settings, mode="chat", persona="")
        if settings != self.conversation.settings:
            self.conversation.settings = settings
            self._autosave.keep(self.conversation)
            measure(self.conversation, self.model.info)
            self.settings_changed.emit()
            self.window_changed.emit()

    def keep_draft(self, text: str) -> None:
        """Store the draft."""
        if text != self.conversation.draft:
            self.conversation.draft = text
            self._autosave.keep(self.conversation)

    # ------------------------------------------------------------------------------------------------ messages

    def send(self, text: str) -> bool:
        """Send a message; it waits while the model loads. Returns False if it cannot be sent now."""
        conversation = self.conversation
        raw = conversation.settings.mode == "raw"
        if self.busy or not text.strip() or context_preview(conversation, self.model.info, text).too_long:
            return False
        question = conversation.add(USER, text if raw else text.strip(), conversation.leaf)
        conversation.draft = self._unsent = ""
        self._ask(question)
        return True

    def continue_text(self) -> None:
        """Continue the text at its end, in raw mode."""
        last = self.conversation.last
        if last is not None and not self.busy:
            if last.role == ASSISTANT and last.shown_text:
                self.continue_reply(last.number)
            else:
                self.retry(last.number)

    @Slot()
    def stop(self) -> None:
        """Stop the reply of this conversation; the text so far stays."""
        self._pending.stop(self.conversation)

    def retry(self, number: int | None = None) -> None:
        """Answer a question again, by default the last one; a reply with text stays as another version."""
        path = self.conversation.path()
        if not path or self.busy:
            return
        message = path[-1] if number is None else self.conversation.messages[number]
        if message.role == USER:
            self._ask(message)
        elif message.shown_text:
            parent = message.parent
            self._ask(None if parent is None else self.conversation.messages[parent])
        else:
            message.text, message.chunks, message.given_tokens, message.new_tokens = "", [], 0, 0
            self._answer(message, ())

    def edit(self, number: int, text: str) -> None:
        """Send another text in place of a message; the old version stays."""
        old = self.conversation.messages[number]
        new = text if self.conversation.settings.mode == "raw" else text.strip()
        if new.strip() and new != old.text and not self.busy:
            self._ask(self.conversation.add(USER, new, old.parent))

    def correct(self, number: int, text: str) -> None:
        """Add the user's correction as a version of a reply."""
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
        """Show another version of a message; an unfinished reply continues in its own version."""
        self.conversation.select(number)
        self._autosave.keep(self.conversation)
        measure(self.conversation, self.model.info)
        self.path_changed.emit()
        self.window_changed.emit()

    def adopt(self, parent: int | None, path: list[Message], show: bool) -> None:
        """Add messages that another course of this conversation has after `parent`, as versions; perhaps show them."""
        conversation, leaf = self.conversation, self.conversation.leaf
        new = []
        for message in path:
            known = conversation.find_version(parent, message.role, message.text)
            if known is None:
                values = {name: getattr(message, name) for name in ADOPTED}
                known = conversation.add(message.role, message.text, parent, **values)
                new.append(known)
            parent = known.number
        shown = parent if show else leaf
        if shown is not None:
            conversation.select(shown)
        self._autosave.keep(conversation, *new)
        measure(conversation, self.model.info)
        self.path_changed.emit()
        self.window_changed.emit()

    def continue_reply(self, number: int) -> None:
        """Continue a reply that ended early, with the same seed, as if it had not ended.

        A reply that was answered already stays as it is; a new version of it is continued.
        """
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
        """Branch a reply: the same up to chunk `index`, then `token_id`, then generated text."""
        old = self.conversation.messages[number]
        model = self.model.info
        if self.busy or model is None or not self.can_branch(old):
            return
        chosen = next((a for a in old.chunks[index].alternatives if a.token_id == token_id), None)
        if chosen is None or not _can_choose(model.template, token_id):
            return
        kept = old.chunks[:index]
        is_end = token_id == model.template.end_id
        chunks = [*kept, Chunk(token_id, chosen.text, chosen.probability, old.chunks[index].alternatives)]
        reply = self.conversation.add(
            ASSISTANT,
            "".join(chunk.text for chunk in (kept if is_end else chunks)),
            old.parent,
            chunks=chunks,
            given_tokens=len(chunks),
            model=model.label,
        )
        if is_end:
            reply.finish_reason = "stop"
            self._autosave.keep(self.conversation, reply)
            self.path_changed.emit()
        else:
            self._answer(reply, [chunk.token_id for chunk in chunks])

    def fill_chunks(self, message: Message) -> None:
        """Load the chunks of a stored reply, which are not loaded with its conversation."""
        if not message.chunks and message.new_tokens and self.conversation.id is not None:
            try:
                message.chunks = self._store.load_chunks(self.conversation.id, message.number)
            except I3Error as error:
                self._autosave.failed.emit(error.what, error.remedy)

    # ------------------------------------------------------------------------------------------- the model

    def _ask(self, question: Message | None) -> None:
        """Request an answer to a question (None: for a reply at the start, as in an imported conversation)."""
        asked = [] if question is None else [question]
        reply = self.conversation.add(ASSISTANT, parent=question.number if question else None, state=ReplyState.QUEUED)
        self._autosave.keep(self.conversation, *asked, reply)
        self._answer(reply, ())

    def _answer(self, reply: Message, prefix_ids: Sequence[int] | None, seed: int | None = None) -> None:
        self._pending.start(self.conversation, reply, prefix_ids, seed)
        self.path_changed.emit()

    def can_branch(self, message: Message) -> bool:
        """True if the model in use can continue from the tokens of this reply."""
        return self._pending.can_branch(message)

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
        """Save unfinished replies before the window closes."""
        self._pending.abandon()
        self._autosave.save_now()


def _can_choose(template: ChatTemplate, token_id: int) -> bool:
    """True unless the token is unknown or a mark of the template other than the end."""
    marks = set(template.tokenizer.special_tokens.values()) | {UNK_ID}
    return token_id == template.end_id or token_id not in marks
