"""When a reply ends, and which part of its text is shown."""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Holds text back while it could be the start of a stop string.

    Attributes:
        held: text that is held back.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = [stop.lower() for stop in stops]
        self.held = ""

    def push(self, text: str) -> tuple[str, bool]:
        """Add text; return what can be shown now, and True if a stop string was reached."""
        self.held += text
        found = [at for at in (self.held.find(stop) for stop in self.stops) if at >= 0]
        if found:
            return self.held[: min(found)], True
        length = max((_overlap(self.held, stop) for stop in self.stops), default=0)
        shown = self.held[: len(self.held) - length]
        self.held = self.held[len(shown) :]
        return shown, False


def _overlap(text: str, stop: str) -> int:
    """The length of the longest proper prefix of `stop` that `text` ends with."""
    lengths = range(min(len(stop) - 1, len(text)), 0, -1)
    return next((length for length in lengths if text.endswith(stop[:length])), 0)


class VisibleText:
    """The visible part of a reply, without leading space and stop strings.

    Attributes:
        stopped: True once a stop string was reached.
        trimmed: how many characters of space came before the reply.
    """

    def __init__(self, stops: Sequence[str], strip_start: bool, prefix: str = "") -> None:
        """strip_start: the template leaves space before a reply. prefix: the start of the reply, already shown."""
        self._stops = StopStrings(stops)
        self._at_start = strip_start
        self._shown = 0  # how many of the next characters have been shown
        self.stopped, self.trimmed = False, 0
        self.push(prefix)
        self._shown = len(self._stops.held)  # held back, but shown already

    def push(self, text: str) -> str:
        """Add text; return what can be shown now."""
        if self._at_start:
            self.trimmed += len(text) - len(text := text.lstrip())
            self._at_start = not text
        visible, self.stopped = self._stops.push(text)
        return self._new(visible)

    def rest(self) -> str:
        """The text held back, once nothing follows that could complete a stop string."""
        return self._new(self._stops.held)

    def _new(self, text: str) -> str:
        shown = min(self._shown, len(text))
        self._shown -= shown
        return text[shown:]
