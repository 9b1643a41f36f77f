"""Two models in one chat: the composer asks both, and either can be kept as the chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.chat.autosave import Autosave
from i3desk.chat.page import ChatPage
from i3desk.chat.session import ChatSession
from i3desk.conversations.conversation import ChatSettings, Conversation, Message
from i3desk.conversations.store import Store
from i3desk.preferences import SettingsStore
from i3desk.side_by_side.column import ColumnHead, PartnerColumn
from i3desk.style.theme import Theme
from i3desk.workers.active_model import ActiveModel
from i3desk.workers.model_worker import Loader, ModelWorker


class SideBySide(QObject):
    """Adds a second model to the chat page, with a copy of the chat that is never stored by itself.

    When the comparison ends, the replies of the second model become versions in the chat, so nothing is lost.

    Attributes:
        worker: the thread of the second model; it runs from the first comparison on.
        session: the second model's side of the chat.
        is_on: whether two models are compared.
    Signals:
        changed: Emitted when a comparison has started or ended.
    """

    changed = Signal()

    def __init__(
        self,
        page: ChatPage,
        store: Store,
        autosave: Autosave,
        settings: SettingsStore,
        theme: Theme,
        loader: Loader,
        use_model: Callable[[str | None], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._page, self._settings, self._theme, self._use_model = page, settings, theme, use_model
        self.is_on = False
        self._shared: set[int] = set()  # numbers of the messages that both sides had at the start
        self.worker = ModelWorker(self, loader)
        self.model = ActiveModel(self.worker, self)
        self.session = ChatSession(self.worker, self.model, store, autosave, ChatSettings(), self)
        self.column: PartnerColumn | None = None
        page.session.leaving.connect(self.keep_first)

    def start(self, folder: str | None) -> None:
        """Let a second model answer beside the one in use; None is the bundled model."""
        self.keep_first()
        mine = self._page.session.conversation
        path = mine.path()
        self._shared = {message.number for message in path}
        if self.column is None:
            self.column = PartnerColumn(self.session, self._settings, self._theme)
            self.column.head.kept.connect(self.keep_second)
            head = ColumnHead(self._page.session.model, self._theme)
            head.kept.connect(self.keep_first)
            self._page.build_comparison(head, self.column)
        self.is_on = True
        self.model.load(folder, self._settings.preferences.precision)
        copy = Conversation(
            settings=mine.settings,
            temporary=True,
            messages={message.number: replace(message, chunks=[*message.chunks]) for message in path},
            leaf=mine.leaf,
        )
        self.session.show(copy)
        self._page.show_comparison(self.column)
        self.changed.emit()

    @Slot()
    def keep_first(self) -> None:
        """End the comparison; the chat continues with the model in use."""
        self._end(keep_second=False)

    @Slot()
    def keep_second(self) -> None:
        """End the comparison; the chat continues with the replies of the second model, which is used from now on."""
        folder = self.model.folder
        if self.is_on and self._end(keep_second=True):
            self._use_model(folder)

    def _end(self, keep_second: bool) -> bool:
        """Put the second model's replies into the chat; returns whether it has any model to keep."""
        if not self.is_on:
            return False
        self.is_on = False
        theirs, has_model = self.session.conversation, self.model.info is not None
        self.session.start_new(temporary=True)  # ends replies that are being written
        path = _answered(theirs.path())
        shared = [message.number for message in path if message.number in self._shared]
        self._page.session.adopt(shared[-1] if shared else None, path[len(shared) :], keep_second)
        self._page.show_comparison(None)
        self.model.unload()
        self.changed.emit()
        return has_model

    def shut_down(self) -> None:
        """Keep what was said, and ask the thread to end."""
        self.keep_first()
        self.worker.shut_down()


def _answered(path: list[Message]) -> list[Message]:
    """A path up to its last message with text."""
    while path and not path[-1].shown_text:
        path = path[:-1]
    return path
