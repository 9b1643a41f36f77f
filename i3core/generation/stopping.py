from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Holds text back while it could be the beginning of a stop text."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = [stop.lower() for stop in stops]
        self.held = ""

    def push(self, text: str) -> tuple[str, bool]:
        """Text that may be shown now, and whether a stop text was reached."""
        self.held += text
        found = [place for place in (self.held.find(stop) for stop in self.stops) if place >= 0]
        if found:
            return self.held[: min(found)], True
        keep = 0
        for stop in self.stops:
            for length in range(min(len(stop) - 1, len(self.held)), keep, -1):
                if self.held.endswith(stop[:length]):
                    keep = length
                    break
        shown = self.held[: len(self.held) - keep]
        self.held = self.held[len(self.held) - keep :]
        return shown, False


class VisibleText:
    """What of a reply to show: not the space before it, not a stop text, and nothing that it was begun with.

    Attributes:
        stopped: whether a stop text was reached.
        trimmed: how many characters the space before it had.
    """

    def __init__(self, stops: Sequence[str], leading: bool, begun: str = "") -> None:
        self._stops = StopStrings(stops)
        self._leading = leading  # whether only blank space has come yet that the template leaves before a reply
        self._given = 0
        self.stopped, self.trimmed = False, 0
        self.push(begun)
        self._given = len(self._stops.held)  # held back, but shown already

    def push(self, text: str) -> str:
        """Text that may be shown now."""
        if self._leading:
            self.trimmed += len(text) - len(text := text.lstrip())
            self._leading = not text
        shown, self.stopped = self._stops.push(text)
        return self._without_given(shown)

    def rest(self) -> str:
        """What was held back, once nothing follows that could complete a stop text."""
        return self._without_given(self._stops.held)

    def _without_given(self, text: str) -> str:
        known = min(self._given, len(text))
        self._given -= known
        return text[known:]
