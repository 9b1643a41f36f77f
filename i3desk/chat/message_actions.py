"""The line under a message: actions, versions, time, and facts about a reply."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from i3desk.conversations.conversation import USER, Message, ReplyState
from i3desk.language import figure, tr
from i3desk.style.icons import IconToolButton
from i3desk.style.palette import tabular
from i3desk.widgets.basics import add, icon_button, label, quiet_button, row_in
from i3desk.widgets.plain_text import tooltip_text

ACTIONS_HEIGHT = 24
COPIED_FOR_MS = 1500
BUSY_HINT = tr("Not available while a reply is being written")


class CopyButton(QPushButton):
    """Copies a text and confirms it for a moment."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Copy"), parent)
        self.setProperty("kind", "quiet")
        self.setToolTip(tooltip_text(tr("Copy {what}").format(what=what)))
        self.setAccessibleName(tr("Copy {what}").format(what=what))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.text_to_copy = ""
        self._reset_timer = QTimer(self, singleShot=True, interval=COPIED_FOR_MS)
        self._reset_timer.timeout.connect(self._reset)
        self.clicked.connect(self.copy)

    @Slot()
    def copy(self) -> None:
        """Copy the text to the clipboard."""
        QGuiApplication.clipboard().setText(self.text_to_copy)
        self.setText(tr("Copied"))
        self._reset_timer.start()

    @Slot()
    def _reset(self) -> None:
        self.setText(tr("Copy"))


class VersionSwitch(QWidget):
    """`< 2/3 >`: switches between the versions of a message.

    Signals:
        version_chosen(number): Emitted when the version with this number is to be shown.
    """

    version_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._versions: Sequence[int] = ()
        self._at = 0
        self._busy = False
        self.label = tabular(label(tone="muted", grade="small"))
        self.previous_button = self._button("left", tr("Previous version"))
        self.next_button = self._button("right", tr("Next version"))
        self.previous_button.clicked.connect(self._show_previous)
        self.next_button.clicked.connect(self._show_next)
        row_in(self, self.previous_button, self.label, self.next_button, spacing=0)

    def show_versions(self, versions: Sequence[int], number: int, busy: bool) -> None:
        """Show the position of message `number` in `versions`."""
        self._versions, self._at, self._busy = versions, versions.index(number), busy
        self.label.setText(f"{self._at + 1}/{len(versions)}")
        self.label.setAccessibleName(tr("Version {at} of {count}").format(at=self._at + 1, count=len(versions)))
        self.previous_button.setEnabled(self._at > 0 and not busy)
        self.next_button.setEnabled(self._at + 1 < len(versions) and not busy)
        for button in (self.previous_button, self.next_button):
            button.setToolTip(tooltip_text(BUSY_HINT if busy else button.accessibleName()))

    def _button(self, icon: str, name: str) -> IconToolButton:
        button = icon_button(icon, name, look="version", size=12)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        return button

    @Slot()
    def _show_previous(self) -> None:
        self.version_chosen.emit(self._versions[self._at - 1])

    @Slot()
    def _show_next(self) -> None:
        self.version_chosen.emit(self._versions[self._at + 1])


class MessageActions(QWidget):
    """The line under one message. In a narrow row, facts are hidden before actions.

    Signals:
        edit_requested, correct_requested, retry_requested, continue_requested, csv_requested: Emitted by the buttons.
        version_chosen(number): Emitted when the version with this number is to be shown.
        seed_chosen(seed): Emitted when the seed of this reply is to be used again.
    """

    edit_requested = Signal()
    correct_requested = Signal()
    retry_requested = Signal()
    continue_requested = Signal()
    csv_requested = Signal()
    version_chosen = Signal(object)
    seed_chosen = Signal(object)

    def __init__(self, role: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_user = role == USER
        self._seed: int | None = None
        self.setFixedHeight(ACTIONS_HEIGHT)
        self.copy_button = CopyButton(tr("your message") if self._is_user else tr("this reply"))
        self.versions: VersionSwitch | None = None
        self.time = self._fact()
        row = self._row = row_in(self, spacing=2)
        if self._is_user:
            self.edit_button = quiet_button(tr("Edit"), tr("Edit; the original is kept as a version (Enter)"))
            self.edit_button.clicked.connect(self.edit_requested)
            self._optional: list[QWidget] = [self.time]
            add(row, None, self.time, self.copy_button, self.edit_button)
        else:
            self._add_reply_parts(row)
        self._wanted: set[QWidget] = set()

    def _add_versions(self) -> VersionSwitch:
        made = VersionSwitch()
        made.version_chosen.connect(self.version_chosen)
        before = self.edit_button if self._is_user else self.csv_button
        self._row.insertWidget(self._row.indexOf(before) + 1, made)
        return made

    def _add_reply_parts(self, row: QHBoxLayout) -> None:
        self.retry_button = quiet_button(tr("Retry"), tr("Generate another reply; this one is kept as a version"))
        self.correct_button = quiet_button(tr("Correct"), tr("Write what it should have said, to teach i3 (C)"))
        self.correct_button.clicked.connect(self.correct_requested)
        self.continue_button = quiet_button(tr("Continue"), tr("Continue this reply"))
        self.csv_button = quiet_button("CSV…", tr("Save the probabilities of this reply as a table"))
        self.retry_button.clicked.connect(self.retry_requested)
        self.continue_button.clicked.connect(self.continue_requested)
        self.csv_button.clicked.connect(self.csv_requested)
        self.facts, self.more_facts = self._fact(), self._fact()
        for facts in (self.facts, self.more_facts):
            facts.setToolTip(tooltip_text(tr("Length of the reply, speed, and how it ended")))
        self.seed_button = tabular(quiet_button("", tr("The same seed gives the same reply: use this seed again")))
        self.seed_button.setProperty("kind", "link")
        self.seed_button.clicked.connect(self._on_seed_clicked)
        self._optional = [self.time, self.more_facts, self.facts, self.seed_button]
        buttons = (self.retry_button, self.correct_button, self.continue_button, self.csv_button)
        add(row, self.copy_button, *buttons, 6, self.time, None, self.facts, self.seed_button, self.more_facts)

    def show_message(self, message: Message, versions: Sequence[int], glass: bool, busy: bool) -> None:
        """Show the actions and facts of a message in its current state."""
        text = message.shown_text
        self.copy_button.text_to_copy = text
        wanted: set[QWidget] = {self.time}
        if text:
            wanted.add(self.copy_button)
        if len(versions) > 1:
            self.versions = self.versions or self._add_versions()
            self.versions.show_versions(versions, message.number, busy)
            wanted.add(self.versions)
        self.time.setText(said_at(message.created_at))
        if self._is_user:
            wanted.add(self.edit_button)
            allow(self.edit_button, not busy)
        else:
            wanted |= self._show_reply(message, glass, busy)
        self._wanted = wanted
        self._fit()

    def _show_reply(self, message: Message, glass: bool, busy: bool) -> set[QWidget]:
        wanted: set[QWidget] = set()
        if message.state is not ReplyState.FAILED:
            wanted.add(self.retry_button)
        if message.shown_text:
            wanted.add(self.correct_button)
        if message.can_continue and message.state is not ReplyState.CUT:  # whose card has a button
            wanted.add(self.continue_button)
        if glass and message.new_tokens:
            wanted.add(self.csv_button)
        allow(self.retry_button, not busy)
        allow(self.correct_button, not busy)
        allow(self.continue_button, not busy)
        facts = message.facts().split(" · ") if message.facts() else []
        if glass and message.perplexity is not None:
            facts.append(tr("perplexity {perplexity}").format(perplexity=figure(message.perplexity, ",.1f")))
        self._seed = message.seed
        seed = tr("seed {seed}").format(seed=message.seed)
        at = facts.index(seed) if seed in facts else len(facts)
        before, after = facts[:at], facts[at + 1 :]
        self.facts.setText(" · ".join(before) + (" ·" if before and at < len(facts) else ""))
        self.more_facts.setText(("· " if after else "") + " · ".join(after))
        self.seed_button.setText(seed)
        self.seed_button.setAccessibleName(tr("Use {seed} again").format(seed=seed))
        wanted |= {label for label in (self.facts, self.more_facts) if label.text()}
        if at < len(facts):
            wanted.add(self.seed_button)
        return wanted

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        items = [self._row.itemAt(index) for index in range(self._row.count())]
        widgets = [widget for item in items if item is not None and (widget := item.widget()) is not None]
        shown = [widget for widget in widgets if widget in self._wanted]
        for hidden in (None, *self._optional):
            shown = [widget for widget in shown if widget is not hidden]
            if sum(widget.sizeHint().width() + self._row.spacing() for widget in shown) + 12 <= self.width():
                break
        for widget in widgets:
            widget.setVisible(widget in shown)

    def _fact(self) -> QLabel:
        return tabular(label(tone="muted", grade="small"))

    @Slot()
    def _on_seed_clicked(self) -> None:
        self.seed_chosen.emit(self._seed)


def allow(button: QPushButton, allowed: bool) -> None:
    """Enable a button, or disable it while a reply is being written."""
    button.setEnabled(allowed)
    button.setToolTip(tooltip_text(button.accessibleDescription() if allowed else BUSY_HINT))


def said_at(seconds: float, now: datetime | None = None) -> str:
    """The time of a message: "14:02", with the date if it was not today."""
    then, now = datetime.fromtimestamp(seconds), now or datetime.now()
    if then.date() == now.date():
        return f"{then:%H:%M}"
    year = "" if then.year == now.year else f" {then.year}"
    return f"{then.day} {then:%b}{year}, {then:%H:%M}"
