"""How messages are shown, as data: switches that change nothing of what is said or stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Switch:
    """A choice of on or off. `key` is its name in the preferences."""

    key: str
    label: str
    default: bool
    tooltip: str


DISPLAY_SETTINGS: tuple[Switch, ...] = (
    Switch(
        "glass", "Show probabilities", False,
        "Shows replies as the model's chunks, the more coloured the less likely it found them. Hover over one to see "
        "what else it had in mind; click an alternative to go on from there. (Ctrl+G)",
    ),
    Switch(
        "show_chunks", "Chunks while writing", False,
        "Shows your message as the chunks that the model will read. Characters that it does not know are red.",
    ),
    Switch(
        "capitalise", "Capitalise replies", False,
        "The model writes in lower case. This shows a capital letter at the beginning of sentences, and “I”. "
        "Only the display changes: what is stored and copied stays as it was said.",
    ),
    Switch(
        "markdown", "Format Markdown", True,
        "Shows lists, code and emphasis in messages that are written in Markdown. Copying gives the plain text.",
    ),
)  # fmt: skip
