"""Compare the base model with the tuned one: answers to the same prompt and seed, side by side."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from i3core.settings import Setting
from i3core.system import assets
from i3desk.language import figure, tr
from i3desk.style.palette import tabular
from i3desk.training.compare_process import BOTH, CompareProcess
from i3desk.widgets.basics import Notice, button, column, column_in, icon_button, label, named, row
from i3desk.widgets.before_after import NARROW, AnswersColumn, BeforeAfter
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.notices import UnreadableNote
from i3desk.widgets.number_field import NumberField
from i3desk.widgets.plain_text import tooltip_text

DRAW_MS = 40
MAX_EXCHANGES = 20
MAX_NEW_TOKENS = 120
# By default as the samples of a run have.
SEED = Setting(
    "seed", tr("Seed"), 1, 0, 2**31 - 1, 1, 0, tr("The same seed gives the same answers; both models have the same one")
)
TEMPERATURE = Setting(
    "temperature", tr("Temperature"), 0.7, 0.0, 2.0, 0.1, 2,
    tr("How random the choice of tokens is. 0 always takes the most likely one."),
)  # fmt: skip
MAX_PROMPT_LENGTH = 2000
MARGIN = 16
MIN_HEIGHT = 180


@dataclass(eq=False)
class ComparedExchange:
    """A prompt with both answers so far, and the widget that shows them.

    Attributes:
        number: of the prompt in its process.
        settings: seed and temperature in words.
        texts: the answers so far; None if there will be none.
        open: models that have not finished.
    """

    number: int
    row: BeforeAfter
    settings: str
    texts: list[str | None] = field(default_factory=lambda: ["", ""])
    open: set[int] = field(default_factory=lambda: {0, 1})

    def end(self, models: set[int]) -> None:
        """Close the answers of these models."""
        for model in self.open & models:
            self.texts[model] = self.texts[model] or None
        self.open -= models

    def draw(self, state: str) -> None:
        """Show the answers so far and `state`; once they are complete, mark the differences."""
        self.row.show_answers(self.texts[0], self.texts[1], growing=bool(self.open))
        for model, answer in enumerate((self.row.before, self.row.after)):
            if model in self.open and not self.texts[model]:
                answer.show_text("")
            answer.show_caret(model in self.open)
        found = self.row.note.text()
        self.row.note.setText(" · ".join(filter(None, (state or found, self.settings))))


class ModelComparison(QFrame):
    """A prompt line, and below it the exchanges, the newest first.

    Attributes:
        exchanges: the newest first.
        models: the process that answers.
    Signals:
        closed: emitted when the user closes the comparison.
    """

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sideBySide")
        self.setMinimumHeight(MIN_HEIGHT)  # so that a message does not move the widgets above
        self.setAccessibleName(tr("Two models side by side"))
        self.exchanges: list[ComparedExchange] = []
        self._shown: tuple[str, str, str] | None = None
        self.models = CompareProcess(self)
        self.models.ready.connect(self._draw)
        self.models.said.connect(self._on_said)
        self.models.answered.connect(self._on_answered)
        self.models.refused.connect(self._on_refused)
        self.models.failed.connect(self._on_failed)
        self._draw_timer = QTimer(self, singleShot=True, interval=DRAW_MS)
        self._draw_timer.timeout.connect(self._draw)

        self.notice = Notice()
        self.unreadable = UnreadableNote()
        notice = column(self.unreadable, self.notice, margins=(MARGIN, 0, MARGIN, 8))
        column_in(
            self,
            self._header(),
            self._prompt_row(),
            notice,
            (self._answers(), 1),
            margins=(1, 10, 1, 4),
            spacing=8,
        )
        self._show_state()

    def _header(self) -> QHBoxLayout:
        title = label(tr("Side by side"), grade="heading")
        self.temperature = named(NumberField(TEMPERATURE), "value")
        self.seed = named(NumberField(SEED), "value")
        for each in (self.temperature, self.seed):
            each.show_value(each.setting.default)
            each.setToolTip(tooltip_text(each.setting.tooltip))
            each.setAccessibleName(each.setting.label)
            each.setAlignment(Qt.AlignmentFlag.AlignCenter)
            each.setFixedWidth(76)
            tabular(each)
        self.dice_button = icon_button("dice", tr("Another seed"), look="version")
        self.dice_button.clicked.connect(self._roll)
        self.close_button = icon_button(
            "close", tr("Close side by side"), tr("Back to the samples (Esc)"), look="version", size=16
        )
        self.close_button.clicked.connect(self._close)
        return row(
            title,
            None,
            label("temperature", "muted", "small"),
            self.temperature,
            label("seed", "muted", "small"),
            self.seed,
            self.dice_button,
            self.close_button,
            margins=(MARGIN - 1, 0, MARGIN - 5, 0),
            spacing=6,
        )

    def _prompt_row(self) -> QHBoxLayout:
        self.prompt = named(QLineEdit(maxLength=MAX_PROMPT_LENGTH), "field")
        self.prompt.setPlaceholderText(tr("Ask both models"))
        self.prompt.setAccessibleName(tr("Prompt for both models"))
        self.prompt.setToolTip(tooltip_text(tr("Both answer this with the same seed")))
        self.prompt.returnPressed.connect(self._ask)
        self.prompt.textChanged.connect(self._show_state)
        self.prompt.textChanged.connect(self._show_unreadable)
        self.ask_button = button(tr("Ask"), tr("Put the prompt to both models (Enter)"))
        self.ask_button.clicked.connect(self._ask)
        return row((self.prompt, 1), self.ask_button, margins=(MARGIN, 0, MARGIN, 0), spacing=6)

    def _answers(self) -> AnswersColumn:
        self.names = (ElidedLabel(grade="heading"), ElidedLabel(grade="heading"))
        answers = AnswersColumn(tr("Answers of both models"), *self.names)
        self._column, self._scroll = answers.column, answers.area
        self.hint = label(
            tr("Both models answer the same prompt, and what differs is marked."), tone="muted", wrap=True
        )
        self._column.insertWidget(0, self.hint)
        return answers

    # ------------------------------------------------------------------------------------------------ which models

    def show_models(self, base: str, tuned: str, step: str, name: str = "") -> None:
        """Compare `base` (folder or name; "" for the bundled model) with `tuned`, trained up to `step` (in words).

        `name` is the user's name for the tuned model.
        """
        shown = (str(base or assets.BUNDLED_MODEL), str(tuned), step)
        if shown != self._shown:
            self._shown = shown
            self._forget_exchanges()
            self.models.use(shown[0], shown[1])
            self.notice.hide()
        title = name or Path(tuned).name
        texts = (tr("base: {name}").format(name=Path(shown[0]).name), f"{title}, {step}" if step else title)
        for head, text in zip(self.names, texts, strict=True):
            head.setText(text)
            head.setToolTip(tooltip_text(text))
        self._show_state()
        self.prompt.setFocus()

    def shut_down(self) -> None:
        """End the process at once."""
        self.models.shut_down()
        self._end_open()
        self._shown = None

    @property
    def busy(self) -> bool:
        """Whether an answer is being generated."""
        return bool(self.exchanges) and bool(self.exchanges[0].open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _close(self) -> None:
        self.models.end()
        self._end_open()
        self.closed.emit()

    # --------------------------------------------------------------------------------------------- asking, answering

    @Slot()
    def _show_unreadable(self) -> None:
        self.unreadable.show_texts(self.prompt.text())

    @Slot()
    def _roll(self) -> None:
        self.seed.show_value(secrets.randbelow(100_000))

    @Slot()
    def _ask(self) -> None:
        prompt = self.prompt.text().strip()
        if not prompt or self.busy or self._shown is None:
            return
        self.notice.hide()
        self._draw()  # the end of the previous answers may not be on screen yet
        seed, temperature = int(self.seed.value or 0), float(self.temperature.value or 0)
        number = self.models.ask(prompt, seed, temperature, MAX_NEW_TOKENS)
        row = BeforeAfter(prompt, names=(self.names[0].text(), self.names[1].text()))
        self.exchanges.insert(
            0,
            ComparedExchange(
                number,
                row,
                tr("seed {seed} · temperature {temperature}").format(seed=seed, temperature=figure(temperature, "g")),
            ),
        )
        self._column.insertWidget(0, row)
        for old in self.exchanges[MAX_EXCHANGES:]:
            self._remove(old)
        self.prompt.selectAll()
        self._draw()
        self._scroll.verticalScrollBar().setValue(0)
        self._show_state()

    def _open_exchange(self, number: int) -> ComparedExchange | None:
        return self.exchanges[0] if self.busy and self.exchanges[0].number == number else None

    @Slot(int, int, str)
    def _on_said(self, number: int, model: int, text: str) -> None:
        exchange = self._open_exchange(number)
        if exchange is not None and model != BOTH:
            exchange.texts[model] = (exchange.texts[model] or "") + text
            self._draw_soon()

    @Slot(int, int)
    def _on_answered(self, number: int, model: int) -> None:
        exchange = self._open_exchange(number)
        if exchange is not None:
            exchange.open.discard(model)
            self._draw_soon()

    @Slot(int, int, str, str)
    def _on_refused(self, number: int, model: int, what: str, remedy: str) -> None:
        exchange = self._open_exchange(number)
        if exchange is None:
            return
        exchange.end({0, 1} if model == BOTH else {model})
        self.notice.show_error(what, remedy)
        self._draw_soon()

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        self.notice.show_error(what, tr("Ask again to restart both models."))
        self._end_open()

    def _end_open(self) -> None:
        """Close unfinished answers."""
        if self.busy:
            self.exchanges[0].end({0, 1})
        self._draw()

    def _draw_soon(self) -> None:
        if not self._draw_timer.isActive():
            self._draw_timer.start()

    @Slot()
    def _draw(self) -> None:
        self._draw_timer.stop()
        if self.exchanges:
            state = tr("answering…") if self.models.is_ready else tr("loading both models…")
            self.exchanges[0].draw(state if self.busy else "")
        self._show_state()

    @Slot()
    def _show_state(self) -> None:
        self.hint.setVisible(not self.exchanges)
        self.ask_button.setEnabled(bool(self.prompt.text().strip()) and not self.busy and self._shown is not None)

    def _forget_exchanges(self) -> None:
        for exchange in list(self.exchanges):
            self._remove(exchange)

    def _remove(self, exchange: ComparedExchange) -> None:
        self.exchanges.remove(exchange)
        self._column.removeWidget(exchange.row)
        exchange.row.hide()
        exchange.row.deleteLater()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() - 2 * MARGIN < NARROW
        for name in self.names:
            name.setVisible(not narrow)
