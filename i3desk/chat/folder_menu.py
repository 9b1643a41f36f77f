"""The menu "Move to folder" of one or several chats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QMenu

from i3desk.language import tr
from i3desk.widgets.plain_text import menu_text

NEW = tr("New folder…")


def fill_folder_menu(
    menu: QMenu, folders: Sequence[str], inside: set[str], move: Callable[[str], object], create: Callable[[], object]
) -> None:
    """Offer all folders, a new one, and none.

    Args:
        inside: the folders of the chats, "" for none; marked if it is the same for all.
        move: called with the name of the chosen folder, "" for none.
        create: called for a new folder.
    """
    menu.clear()
    for name in folders:
        action = menu.addAction(menu_text(name))
        action.setCheckable(True)
        action.setChecked(inside == {name})
        action.triggered.connect(partial(_ignoring_checked, partial(move, name)))
    if folders:
        menu.addSeparator()
    menu.addAction(NEW).triggered.connect(partial(_ignoring_checked, create))
    if inside != {""}:
        menu.addAction(tr("Remove from folder")).triggered.connect(partial(_ignoring_checked, partial(move, "")))


def _ignoring_checked(run: Callable[[], object], _checked: bool = False) -> None:
    run()
