"""Actions on whole conversations: open, rename, pin, duplicate, delete with undo, export, import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from i3core.errors import I3Error
from i3desk.chat.autosave import Autosave
from i3desk.chat.conversation_list import ConversationList
from i3desk.chat.page import ChatPage
from i3desk.chat.session import ChatSession
from i3desk.chat.sidebar import Sidebar
from i3desk.conversations import import_export
from i3desk.conversations.conversation import Conversation
from i3desk.conversations.store import Store, folders
from i3desk.conversations.store.backups import remove_copies
from i3desk.language import figure, tr, trn
from i3desk.widgets.toast import Toast
from i3desk.widgets.undo import Undo
from i3desk.workers.background import BackgroundJobs

MOST_NAMED = 4  # refused files in one message
SHOWN_AFTER_MS = 8  # lets the event loop run between reading a conversation and showing it
SUFFIXES = {"markdown": "md", "json": "json", "csv": "csv"}
FILTERS = {"markdown": tr("Markdown (*.md)"), "json": tr("JSON (*.json)"), "csv": tr("CSV (*.csv)")}


class ConversationActions(QObject):
    """Runs the actions requested by list, header and messages; toasts report results and errors."""

    def __init__(
        self,
        session: ChatSession,
        conversations: ConversationList,
        autosave: Autosave,
        store: Store,
        background: BackgroundJobs,
        page: ChatPage,
        toast: Toast,
        undo: Undo,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._conversations = conversations
        self._autosave = autosave
        self._store = store
        self._background = background
        self._page = page
        self._toast = toast
        self._undo = undo
        self._window = parent
        self._to_show: tuple[Conversation, int | None, Sequence[str]] | None = None
        self._dialog: QFileDialog | QInputDialog | None = None
        self._to_write: Callable[[Store], str | dict | list] | None = None
        self._connect(page.sidebar)
        page.header.export_requested.connect(self._export_shown)
        page.header.rename_requested.connect(self._ask_title)
        page.header.pin_requested.connect(lambda pinned: self._with_shown(self._pin, pinned))
        page.header.duplicate_requested.connect(lambda: self._with_shown(self.duplicate))
        page.header.delete_requested.connect(lambda: self._with_shown(self.delete))
        page.csv_requested.connect(self._export_csv)
        session.conversation_opened.connect(self._on_opened)
        autosave.stored.connect(self._on_stored)
        conversations.failed.connect(self.show_error)

    def _connect(self, sidebar: Sidebar) -> None:
        sidebar.open_requested.connect(self.open)
        sidebar.new_requested.connect(self._page.start_new)
        sidebar.temporary_requested.connect(self.start_temporary)
        sidebar.rename_requested.connect(self.rename)
        sidebar.pin_requested.connect(self._pin)
        sidebar.duplicate_requested.connect(self.duplicate)
        sidebar.delete_requested.connect(self._delete_all_of)
        sidebar.export_requested.connect(self._export_stored)
        sidebar.import_requested.connect(self._ask_import)
        sidebar.move_requested.connect(self.move)
        sidebar.folder_requested.connect(self._create_folder)
        sidebar.folder_folded.connect(self._conversations.fold)
        sidebar.folder_renamed.connect(self._rename_folder)
        sidebar.folder_deleted.connect(self._delete_folder)

    def _with_shown(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something with the conversation on screen, if it is stored."""
        self._autosave.save_now()
        number = self._session.conversation.id
        if number is not None:
            action(number, *arguments)

    @Slot(str, str)
    def show_error(self, what: str, remedy: str) -> None:
        """Show an error and its remedy."""
        self._toast.show_message(f"{what} {remedy}".strip(), ms=15_000)

    @Slot(object, object, object)
    def open(self, number: int, message: int | None = None, words: Sequence[str] = ()) -> None:
        """Show a stored conversation, optionally at a message with words highlighted.

        It is read now and shown by a later event, so that a long one does not block the window.
        """
        try:
            self._to_show = (self._session.find(number), message, words)
        except I3Error as error:
            self.show_error(error.what, error.remedy)
        else:
            QTimer.singleShot(SHOWN_AFTER_MS, self, self._show)

    @Slot()
    def _show(self) -> None:
        if self._to_show is None:  # shown already
            return
        (conversation, message, words), self._to_show = self._to_show, None
        self._session.show(conversation)
        if message is not None:
            if message not in (each.number for each in conversation.path()):
                self._session.select(message)
            self._page.transcript.reveal(message, list(words))

    @Slot()
    def start_temporary(self) -> None:
        """Start a chat that is never stored."""
        self._page.start_new(temporary=True)

    @Slot(object, str)
    def rename(self, number: int, title: str) -> None:
        """Set the title of a conversation."""
        title = title.strip()
        if not title:
            return
        held = self._session.find_held(number)
        if held is not None:
            held.title, held.has_own_title = title, True
            self._page.header.show_title()
        self._conversations.rename(number, title)

    @Slot(object, bool)
    def _pin(self, number: int, pinned: bool) -> None:
        held = self._session.find_held(number)
        if held is not None:
            held.pinned = pinned
        self._conversations.set_pinned(number, pinned)

    @Slot(object)
    def duplicate(self, number: int) -> None:
        """Copy a conversation and open the copy."""
        self._autosave.save_now()
        self._in_background(lambda store: store.duplicate(number), self._on_copied)

    def _on_copied(self, number: int) -> None:
        self._conversations.reload()
        self.open(number)

    def delete(self, *numbers: int) -> None:
        """Delete conversations; they can be restored for 30 days, at first with a toast or Ctrl+Z."""
        shown = self._session.conversation.id
        rows = [row for number in numbers if (row := self._conversations.model.find(number)) is not None]
        deleted = [row for row in rows if self._conversations.delete(row.id)]
        if deleted:
            ids = [row.id for row in deleted]
            self._session.forget(*ids)
            what = f"“{deleted[0].title}”" if len(deleted) == 1 else trn("1 chat", "{n} chats", len(deleted))
            self._undo.offer(tr("Deleted {what}").format(what=what), partial(self._restore_all, ids, shown))

    @Slot(object)
    def _delete_all_of(self, numbers: list[int]) -> None:
        self.delete(*numbers)

    def _restore_all(self, numbers: list[int], shown: int | None) -> None:
        for number in numbers:
            self.restore(number, number == shown)

    def restore(self, number: int, show: bool = False) -> None:
        """Restore a deleted conversation, and perhaps open it."""
        if self._conversations.restore(number) and show:
            self.open(number)

    # -------------------------------------------------------------------------------------------------------- folders

    @Slot(object, str)
    def move(self, numbers: list[int], folder: str) -> None:
        """Move conversations to a folder, "" for none."""
        before = self._conversations.move(dict.fromkeys(numbers, folder))
        if before:
            if folder:
                text = trn("Moved the chat to “{folder}”", "Moved {n} chats to “{folder}”", len(before), folder=folder)
            else:
                text = trn("Removed the chat from the folder", "Removed {n} chats from the folder", len(before))
            self._undo.offer(text, partial(self._move_back, before))
            self._on_opened()

    def _move_back(self, places: dict[int, str]) -> None:
        self._conversations.move(places)
        self._on_opened()

    @Slot(object)
    def _create_folder(self, numbers: list[int]) -> None:
        name = self._conversations.new_folder()
        if name:
            self._conversations.move(dict.fromkeys(numbers, name))
            self._on_opened()
            self._page.sidebar.edit_folder(name)

    @Slot(str, str)
    def _rename_folder(self, old: str, new: str) -> None:
        self._conversations.rename_folder(old, new)

    @Slot(str)
    def _delete_folder(self, name: str) -> None:
        inside = [row.id for row in self._conversations.model.rows if row.folder == name]
        if self._conversations.remove_folder(name):
            kept = trn("; its chat stays", "; its chats stay", len(inside)) if inside else ""
            self._undo.offer(
                tr("Deleted the folder “{name}”{kept}").format(name=name, kept=kept),
                partial(self._restore_folder, name, inside),
            )

    def _restore_folder(self, name: str, inside: list[int]) -> None:
        if self._conversations.fold(name, False):
            self._conversations.move(dict.fromkeys(inside, name))

    @Slot()
    def delete_all(self) -> None:
        """Delete all conversations permanently."""
        self._session.forget(*(row.id for row in self._conversations.model.rows))
        try:
            newest = self._store.newest_id()
        except I3Error as error:
            self.show_error(error.what, error.remedy)
        else:

            def work(store: Store) -> None:
                store.delete_all(newest)
                with store.writing() as connection:
                    folders.remove_all(connection)
                remove_copies(store.path)

            self._in_background(work, self._on_all_deleted)

    def _on_all_deleted(self, _: None) -> None:
        self._conversations.reload()
        self._toast.show_message(tr("All conversations are deleted"))

    @Slot()
    def _on_opened(self) -> None:
        self._page.sidebar.show_current(self._session.conversation.id)

    @Slot(object)
    def _on_stored(self, conversation: Conversation) -> None:
        if conversation is self._session.conversation:  # perhaps for the first time
            self._page.sidebar.show_current(conversation.id)

    @Slot()
    def _ask_title(self) -> None:
        conversation = self._session.conversation
        dialog = self._dialog = QInputDialog(self._window)
        dialog.setWindowTitle(tr("Rename chat"))
        dialog.setLabelText(tr("Title"))
        dialog.setTextValue(conversation.title)
        dialog.textValueSelected.connect(self._rename_shown)
        dialog.open()

    @Slot(str)
    def _rename_shown(self, title: str) -> None:
        conversation = self._session.conversation
        if conversation.id is None:
            self._session.rename(title.strip() or conversation.title)
            self._page.header.show_title()
        else:
            self.rename(conversation.id, title)

    # ------------------------------------------------------------------------------------------- export and import

    @Slot(str)
    def _export_shown(self, kind: str) -> None:
        self._export(self._session.conversation, kind)

    @Slot(object, str)
    def _export_stored(self, number: int, kind: str) -> None:
        try:
            self._export(self._session.find(number), kind)
        except I3Error as error:
            self.show_error(error.what, error.remedy)

    @Slot(object)
    def _export_csv(self, number: int) -> None:
        conversation = self._session.conversation
        message = conversation.messages[number]
        self._session.fill_chunks(message)
        content = import_export.chunks_to_csv(message)
        self._ask_file(conversation.title, "csv", lambda _store: content)

    @Slot()
    def export_all(self) -> None:
        """Ask for a file and export all conversations to it."""
        self._ask_file("conversations", "json", _everything)

    def _export(self, conversation: Conversation, kind: str) -> None:
        number = conversation.id
        if kind == "json" and number is not None and self._autosave.find(number) is None:
            self._ask_file(conversation.title, kind, lambda store: _to_json(store, number))
        else:  # from memory: it may have changes that could not be stored
            convert = import_export.to_markdown if kind == "markdown" else import_export.to_json
            content = convert(conversation)
            self._ask_file(conversation.title, kind, lambda _store: content)

    def _ask_file(self, name: str, kind: str, content: Callable[[Store], str | dict | list]) -> None:
        """Ask for a file; `content` is then called in the background."""
        safe = "".join(c if c.isalnum() or c in " -_" else "" for c in name).strip()[:60] or "chat"
        self._to_write = content
        dialog = self._dialog = QFileDialog(self._window, tr("Export"), f"{safe}.{SUFFIXES[kind]}", FILTERS[kind])
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIXES[kind])
        dialog.fileSelected.connect(self.write_export)
        dialog.open()

    @Slot(str)
    def write_export(self, path: str) -> None:
        """Write the requested export to a file."""
        content = self._to_write
        if content is None:
            return
        self._autosave.save_now()

        def write(store: Store) -> str:
            import_export.write_file(path, content(store))
            return path

        self._in_background(write, self._on_exported)

    def _on_exported(self, path: str) -> None:
        self._toast.show_message(tr("Exported to {path}").format(path=path))

    def _on_background_failed(self, error: I3Error) -> None:
        self._conversations.reload()  # part of the work may be done
        self.show_error(error.what, error.remedy)

    @Slot()
    def _ask_import(self) -> None:
        dialog = self._dialog = QFileDialog(
            self._window, tr("Import conversations"), "", tr("Conversations (*.json *.jsonl *.chat)")
        )
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(self.import_files)
        dialog.open()

    @Slot(list)
    def import_files(self, paths: list[str]) -> None:
        """Add the conversations of some files to the store; a damaged one does not keep out the others."""

        def read(store: Store) -> tuple[list[int], list[I3Error]]:
            found, refused = [], []
            for path in paths:
                try:
                    found += import_export.read_file(path)
                except I3Error as error:
                    refused.append(error)
            return [store.import_conversation(conversation) for conversation in found], refused

        self._in_background(read, self._on_imported)

    def _on_imported(self, result: tuple[list[int], list[I3Error]]) -> None:
        numbers, refused = result
        self._conversations.reload()
        count = len(numbers)
        imported = trn("Imported {n} conversation", "Imported {n} conversations", count)
        if numbers:
            self.open(numbers[-1])
        if refused:
            what = " ".join(error.what for error in refused[:MOST_NAMED])
            more = (
                tr(" {count} more cannot be imported.").format(count=figure(len(refused) - MOST_NAMED))
                if len(refused) > MOST_NAMED
                else ""
            )
            self.show_error(f"{imported}. {what}{more}" if numbers else what + more, refused[0].remedy)
        else:
            self._toast.show_message(imported)

    def _in_background(self, work: Callable[[Store], Any], done: Callable[[Any], None]) -> None:
        """Run `work` in the background, with its own connection to the store."""

        def run() -> Any:
            with closing(Store(self._store.path, recover=False)) as store:  # the path of now: chats may have moved
                return work(store)

        self._background.run(run, done, self._on_background_failed)


def _everything(store: Store) -> list[dict]:
    return [_to_json(store, row.id) for row in store.rows()]


def _to_json(store: Store, number: int) -> dict:
    return import_export.to_json(store.open_with_chunks(number))
