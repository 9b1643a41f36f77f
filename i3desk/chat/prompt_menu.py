"""The prompt library: messages that the user saved, to be put into the composer again."""

from __future__ import annotations

import re
from functools import partial

from PySide6.QtCore import Slot
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QMenu

from i3desk.chat.composer import Composer
from i3desk.language import tr
from i3desk.preferences import MOST_REMEMBERED, SettingsStore
from i3desk.widgets.plain_text import menu_text, tooltip_text

SHOWN = 48  # characters of a prompt in the menu
LONGEST = 20_000
_BLANK = re.compile(r"\{[^{}\n]{1,40}\}")  # a part to be filled in, as in "Write to {name}"


class PromptMenu(QMenu):
    """The menu of the composer's button; an entry replaces the draft, with its first blank selected."""

    def __init__(self, store: SettingsStore, composer: Composer) -> None:
        super().__init__(composer)
        self._store, self._composer = store, composer
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self._fill)
        composer.prompts_button.setMenu(self)

    @Slot()
    def _fill(self) -> None:
        self.clear()
        prompts = self._store.preferences.prompts
        for prompt in prompts:
            action = self.addAction(_title(prompt), partial(self._use, prompt))
            action.setToolTip(tooltip_text(prompt[:400]))
        if not prompts:
            self.addAction(tr("No saved prompts")).setEnabled(False)
        self.addSeparator()
        draft = self._composer.text().strip()
        save = self.addAction(tr("Save this message as a prompt"), partial(self._save, draft))
        save.setEnabled(bool(draft) and draft not in prompts and len(draft) <= LONGEST)
        save.setToolTip(tooltip_text(tr("A part in braces, such as {name}, is selected when the prompt is used")))
        if prompts:
            removal = self.addMenu(tr("Remove"))
            for prompt in prompts:
                removal.addAction(_title(prompt), partial(self._remove, prompt))

    def _use(self, prompt: str) -> None:
        edit = self._composer.edit
        self._composer.set_text(prompt)
        edit.setFocus()
        blank = _BLANK.search(prompt)
        if blank is not None:
            place = edit.textCursor()
            place.setPosition(_units(prompt[: blank.start()]))
            place.setPosition(_units(prompt[: blank.end()]), QTextCursor.MoveMode.KeepAnchor)
            edit.setTextCursor(place)

    def _save(self, prompt: str) -> None:
        self._store.change(prompts=(prompt, *self._store.preferences.prompts)[:MOST_REMEMBERED])

    def _remove(self, prompt: str) -> None:
        self._store.change(prompts=tuple(each for each in self._store.preferences.prompts if each != prompt))


def _title(prompt: str) -> str:
    line = " ".join(prompt.split())
    return menu_text(line if len(line) <= SHOWN else f"{line[:SHOWN].rstrip()}…")


def _units(text: str) -> int:
    """Length as Qt counts: two for an emoji."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
