"""The foot of the set-up: what was found, the name of the run, and Start."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLineEdit, QWidget

from i3desk.language import tr
from i3desk.style.icons import IconPushButton
from i3desk.training.plan import RunPlan
from i3desk.widgets.basics import column_in, label, named, row_in
from i3desk.widgets.capped_scroll import CappedScroll
from i3desk.widgets.notices import Notices
from i3desk.widgets.plain_text import tooltip_text, without_options

MARGIN = 16
MOST_FINDINGS = 200  # pixels of height; more scroll
LONGEST_NAME = 60


class StartFoot(QFrame):
    """Shows whether a run can start.

    Signals:
        start_requested: emitted when the user wants it to start.
    """

    start_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("setupFoot")
        self.findings = Notices(tr("What was found before the start"))
        self.name = named(QLineEdit(), "field")
        self.name.setMaxLength(LONGEST_NAME)
        self.name.setAccessibleName(tr("Name of the run"))
        self.name.setToolTip(tooltip_text(tr("Name of the run; by default that of its data")))
        self._name_line = QWidget()
        row_in(self._name_line, label(tr("Name"), tone="muted"), (self.name, 1), spacing=12)
        self.obstacle = label(tone="muted", grade="small", wrap=True)
        self.start_button = IconPushButton(tr("Start training"))
        self.start_button.setProperty("kind", "primary")
        self.start_button.clicked.connect(self.start_requested)
        parts = (CappedScroll(self.findings, MOST_FINDINGS), self._name_line, self.start_button, self.obstacle)
        column_in(self, label(tr("3  Start"), grade="title"), *parts, margins=(MARGIN, 12, MARGIN, 16), spacing=8)

    def show_plan(self, plan: RunPlan, has_data: bool, is_queued: bool) -> None:
        """Show what speaks against a run; `is_queued` if it will wait for another one."""
        obstacle = without_options(plan.obstacle)
        self.findings.show_notices(plan.findings)
        self.name.setPlaceholderText(plan.name or tr("name of the run"))
        self._name_line.setVisible(has_data)
        self.start_button.setEnabled(not plan.obstacle)
        text = tr("Add to the queue") if is_queued else tr("Start training")
        self.start_button.setText(text)
        self.start_button.setAccessibleName(text)
        self.start_button.setToolTip(
            tooltip_text(obstacle or tr("Train in the background; the base model does not change (Ctrl+Enter)"))
        )
        self.obstacle.setText(obstacle)
        self.obstacle.setVisible(bool(obstacle))
