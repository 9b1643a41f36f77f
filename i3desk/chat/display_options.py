"""The switches for displaying messages; they do not change what is generated or stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DisplaySwitch:
    """An on/off setting; `key` is its name in the preferences."""

    key: str
    label: str
    default: bool
    tooltip: str


DISPLAY_SETTINGS: tuple[DisplaySwitch, ...] = (
    DisplaySwitch(
        "glass", "Show probabilities", False,
        "Shows replies as the model's tokens; the less likely a token, the stronger its colour. Hover over one to see "
        "alternatives; click an alternative to continue from there. (Ctrl+G)",
    ),
    DisplaySwitch(
        "show_chunks", "Show tokens as I type", False,
        "Shows your message as the tokens that the model reads. What it can't read is red.",
    ),
    DisplaySwitch(
        "capitalise", "Capitalise replies", True,
        "The model writes in lower case. This shows a capital letter at the beginning of sentences, and “I”. "
        "Only the display changes: stored and copied text stays as written.",
    ),
    DisplaySwitch(
        "markdown", "Format Markdown", True,
        "Shows lists, code and emphasis in messages that are written in Markdown. Copying gives the plain text.",
    ),
)  # fmt: skip
