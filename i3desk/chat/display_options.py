"""The switches for displaying messages; they do not change what is generated or stored."""

from __future__ import annotations

from dataclasses import dataclass

from i3desk.language import tr


@dataclass(frozen=True)
class DisplaySwitch:
    """An on/off setting; `key` is its name in the preferences."""

    key: str
    label: str
    default: bool
    tooltip: str


DISPLAY_SETTINGS: tuple[DisplaySwitch, ...] = (
    DisplaySwitch(
        "glass", tr("Show probabilities"), False,
        tr("Shows replies as the model's tokens; the less likely a token, the stronger its colour. Hover over "
        "one to see "
        "alternatives; click an alternative to continue from there. (Ctrl+G)"),
    ),
    DisplaySwitch(
        "show_chunks", tr("Show tokens as I type"), False,
        tr("Shows your message as the tokens that the model reads. What it can't read is red."),
    ),
    DisplaySwitch(
        "capitalise", tr("Capitalise replies"), True,
        tr("The model writes in lower case. This shows a capital letter at the beginning of sentences, and “I”. "
        "Only the display changes: stored and copied text stays as written."),
    ),
    DisplaySwitch(
        "markdown", tr("Format Markdown"), True,
        tr("Shows lists, code and emphasis in messages that are written in Markdown. Copying gives the plain text."),
    ),
)  # fmt: skip
