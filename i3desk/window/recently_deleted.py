"""Recently deleted chats, models, runs and sets: listed, restored with Undo or from the settings, or removed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from i3core.errors import I3Error
from i3core.runs.reader import folder_bytes
from i3core.system import recently_deleted
from i3core.system.recently_deleted import DeletedFolder
from i3desk.chat.conversation_actions import ConversationActions
from i3desk.conversations.store import Store, backups, tidy
from i3desk.language import tr
from i3desk.settings.deleted_list import DeletedItem
from i3desk.widgets.undo import Undo
from i3desk.window.services import Services


class RecentlyDeleted(QObject):
    """Connects the list in the settings and Undo with what was deleted."""

    def __init__(self, services: Services, actions: ConversationActions, undo: Undo, parent: QObject) -> None:
        super().__init__(parent)
        self._services, self._actions, self._undo = services, actions, undo
        self._list = services.settings_page.data.deleted
        self._job: int | None = None
        self._list.refresh_requested.connect(self.refresh)
        self._list.restore_requested.connect(self.restore)
        self._list.purge_requested.connect(self.purge)
        services.catalog.deleted.connect(self._on_deleted)
        services.runs.deleted.connect(self._on_deleted)
        services.datasets.deleted.connect(self._on_deleted)
        services.conversations.deletions_changed.connect(self._refresh_visible)

    @Slot()
    def refresh(self) -> None:
        """Read the list again, in the background."""
        background, paths = self._services.background, self._services.paths
        background.forget(self._job)
        folders = {"model": paths.models_folder, "run": paths.runs_folder, "set": paths.sets_folder}
        self._job = background.run(
            partial(_read, self._services.store, folders), self._list.show_items, self._on_failed
        )

    @Slot(object)
    def restore(self, item: DeletedItem) -> None:
        """Restore an item."""
        if isinstance(item.key, int):
            self._actions.restore(item.key)
            self.refresh()
        else:
            self._restore_folder(item.key)

    @Slot(object)
    def purge(self, items: Sequence[DeletedItem]) -> None:
        """Remove items for good, in the background."""
        work = partial(_purge, self._services.store, tuple(items))
        self._services.background.run(work, self._on_changed, self._on_failed)

    @Slot(str)
    def _on_deleted(self, name: str) -> None:
        folder = Path(name)
        roots = {folder.parent, self._services.paths.runs_folder}
        found = [
            each for root in roots for each in recently_deleted.deleted_in(root) if each.original.name == folder.name
        ]
        if found:
            newest = max(found, key=lambda each: each.deleted_at)
            self._undo.offer(tr("Deleted “{name}”").format(name=folder.name), partial(self._restore_folder, newest))
        self._refresh_visible()

    def _restore_folder(self, deleted: DeletedFolder) -> None:
        work = partial(recently_deleted.restore, deleted)
        self._services.background.run(work, self._on_changed, self._on_failed)

    def _on_changed(self, _result: object) -> None:
        self._services.catalog.refresh()
        self._services.runs.refresh()
        self._services.datasets.refresh()
        self._refresh_visible()

    def _on_failed(self, error: I3Error) -> None:
        self._actions.show_error(error.what, error.remedy)
        self._refresh_visible()

    @Slot()
    def _refresh_visible(self) -> None:
        if self._list.isVisible():
            self.refresh()


def _read(store: Store, folders: dict[str, Path]) -> list[DeletedItem]:
    with closing(Store(store.path, recover=False)) as own:
        items = [DeletedItem("chat", row.id, row.title, row.updated_at) for row in own.deleted()]
    for kind, parent in folders.items():
        for each in recently_deleted.deleted_in(parent):
            items.append(DeletedItem(kind, each, each.original.name, each.deleted_at, folder_bytes(each.path)))
    return sorted(items, key=lambda item: -item.deleted_at)


def _purge(store: Store, items: tuple[DeletedItem, ...]) -> None:
    numbers = [item.key for item in items if isinstance(item.key, int)]
    if numbers:
        with closing(Store(store.path, recover=False)) as own:
            for number in numbers:
                own.delete(number, for_good=True)
        backups.forget(store.path, numbers)
        tidy(store.path)
    for item in items:
        if isinstance(item.key, DeletedFolder):
            recently_deleted.remove(item.key)
