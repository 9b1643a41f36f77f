"""The context meter: tokens used, tokens of the draft, and an explanation."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFontMetrics, QHideEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from i3desk.chat.context_preview import ContextPreview
from i3desk.conversations.conversation import Conversation
from i3desk.language import figure, tr, trn
from i3desk.style.palette import mix, tabular
from i3desk.tokens.style import tokens_in_use
from i3desk.widgets.basics import add, column_in, label, named, restyle, row_in
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.popup_card import PopupCard

NEARLY_FULL = 0.9
LEAST_CHARACTERS_PER_TOKEN = 1.9  # chunks that cut words alike; other vocabularies have longer tokens
EXPLANATION_WIDTH = 400
GAP = 8


class ContextUsageBar(QWidget):
    """A bar with two segments: the used tokens, and in a lighter colour those of the draft."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Use of the model's window"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.used = self.draft = 0
        self.window_size = 0

    def show_use(self, used: int, window: int, draft: int) -> None:
        self.used, self.window_size, self.draft = min(used, window), window, min(draft, max(0, window - used))
        self.update()

    @property
    def is_nearly_full(self) -> bool:
        return self.used + self.draft > NEARLY_FULL * (self.window_size or 1)

    def sizeHint(self) -> QSize:
        return QSize(160, 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_in_use()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        colour = tokens.warn if self.is_nearly_full else tokens.accent
        lengths = [(self.window_size or 1, tokens.border)]
        if self.draft:
            lengths.append((self.used + self.draft, mix(tokens.border, colour, 0.45)))
        if self.used:
            lengths.append((self.used, colour))
        for length, fill in lengths:
            width = self.width() * length / (self.window_size or 1)
            painter.setBrush(QColor(fill))
            painter.drawRoundedRect(QRectF(0, 0, max(width, 6), 6), 3, 3)


class ContextMeter(QWidget):
    """A line under the composer; a click, or its "?" by keyboard, opens an explanation.

    Attributes:
        text, bar, hint: "212 / 512 tokens", the bar, and a note on dropped messages.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("meter")
        self.setAccessibleName(tr("Window of the model"))
        self.setToolTip(tooltip_text(tr("How much of this chat the model sees at once. Click for an explanation.")))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._window = 0
        self.explanation: ContextExplanation | None = None
        self.text = tabular(label(tone="muted", grade="small"))
        self.bar = ContextUsageBar()
        self.hint = ElidedLabel(tone="muted", grade="small")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for widget in (self.text, self.bar):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # nothing moves when the model is ready
            widget.setSizePolicy(policy)
        self.help_button = QToolButton()
        self.help_button.setText("?")
        self.help_button.setCheckable(True)
        self.help_button.setAccessibleName(tr("What the context window is"))
        self.help_button.setToolTip(tooltip_text(tr("What tokens and the window are, and what to do when it is full")))
        self.help_button.toggled.connect(self._on_toggled)
        row_in(self, self.text, (self.bar, 1), self.hint, self.help_button, spacing=10)
        self.show_use(0, 0, 0, 0, False)

    def show_conversation(self, conversation: Conversation, preview: ContextPreview) -> None:
        """Show the use by a conversation, and by the draft of its next message."""
        fallen = conversation.first_seen is not None
        self.show_use(conversation.window_used, conversation.window, preview.draft_tokens, preview.falling, fallen)

    def show_use(self, used: int, window: int, draft: int, falling: int, fallen: bool) -> None:
        """Show the use of the context window.

        Args:
            used, window: used tokens and size; a size of 0 (no model) hides the numbers.
            draft: tokens that sending the draft adds.
            falling: number of messages that sending drops out of the window.
            fallen: True if the model no longer sees the oldest messages.
        """
        if window != self._window:
            self._window = window
            # Reserve the widest text: the bar must not move while numbers grow.
            widest = tr("{window} / {window} tokens").format(window=figure(window))
            self.text.ensurePolished()
            self.text.setMinimumWidth(QFontMetrics(self.text.font()).horizontalAdvance(widest) + 1)
            self.close_explanation()
        self.text.setVisible(bool(window))
        self.bar.setVisible(bool(window))
        self.text.setText(tr("{used} / {window} tokens").format(used=figure(used), window=figure(window)))
        self.bar.show_use(used, window, draft)
        self._show_hint(draft if window else 0, falling, fallen)
        parts = [
            tr("{used} of {window} tokens used").format(used=figure(used), window=figure(window))
            if window
            else tr("No model is loaded")
        ]
        if draft and window:
            parts.append(trn("+ {n} token", "+ {n} tokens", draft))
        if self.hint.text() and (falling or fallen):
            parts.append(self.hint.text())
        self.setAccessibleDescription("; ".join(parts))
        self.bar.setAccessibleDescription("; ".join(parts))

    def _show_hint(self, draft: int, falling: int, fallen: bool) -> None:
        tone = "muted"
        if falling:
            tone = "warn"
            hint = trn(
                "sending this will push the oldest message out",
                "sending this will push the {n} oldest messages out",
                falling,
            )
        elif fallen:
            hint = tr("i3 no longer sees the oldest messages")
        else:
            hint = trn("+ {n} token", "+ {n} tokens", draft) if draft else ""
        restyle(self.hint, tone=tone)
        self.hint.setText(hint)
        self.hint.setToolTip(tooltip_text(hint))
        self.hint.setVisible(bool(hint))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.help_button.toggle()

    @Slot()
    def close_explanation(self) -> None:
        """Close the explanation."""
        self.help_button.setChecked(False)

    @Slot(bool)
    def _on_toggled(self, shown: bool) -> None:
        if shown:
            self.explanation = ContextExplanation(self, self._window)
            self.explanation.close_requested.connect(self.close_explanation)
        elif self.explanation is not None:
            explanation, self.explanation = self.explanation, None
            explanation.end()

    def hideEvent(self, event: QHideEvent) -> None:
        self.close_explanation()
        super().hideEvent(event)


class ContextExplanation(PopupCard):
    """A card above the meter that explains the context window; a click closes it."""

    def __init__(self, meter: ContextMeter, size: int) -> None:
        super().__init__(meter)
        self.setObjectName("explanation")
        self.setAccessibleName(tr("What the context window is"))
        self.setAccessibleDescription(" ".join(f"{heading}: {text}" for heading, text in explain(size)))
        column = column_in(self, margins=(16, 14, 16, 14), spacing=4)
        for heading, text in explain(size):
            if column.count():
                column.addSpacing(6)
            add(column, label(heading, grade="heading"), named(label(text, "muted", wrap=True), "text"))
        self.fit(min(EXPLANATION_WIDTH, self.room().width()))
        corner = meter.mapTo(meter.window(), QPoint(meter.width(), 0))
        self.appear(corner.x() - self.width(), corner.y() - GAP - self.height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.close_requested.emit()


def explain(window: int) -> list[tuple[str, str]]:
    """Headings and texts about a context window of this many tokens; 0 without a model."""
    if window:
        characters = window * LEAST_CHARACTERS_PER_TOKEN
        characters = round(characters, -2) or characters
        seen = tr("some {characters} characters or more").format(characters=figure(characters, ",.0f"))
        size = tr("This model sees {window} tokens at once, {seen} with its own replies.").format(
            window=figure(window), seen=seen
        )
    else:
        size = tr("A model sees only so many tokens at once, its own replies included.")
    return [
        (
            tr("Tokens"),
            tr(
                "The model reads and writes text in small pieces, called tokens: two or three characters, or up "
                "to a word."
            ),
        ),
        (tr("Context window"), size),
        (
            tr("What gets forgotten"),
            tr(
                "When the window is full, the oldest messages drop out first. They stay in the chat, greyed "
                "out, but the "
                "model can no longer see them."
            ),
        ),
        (
            tr("What you can do"),
            tr(
                "Start a new chat, limit the reply length (Max tokens in the settings), or edit a message to make it "
                "shorter."
            ),
        ),
    ]
