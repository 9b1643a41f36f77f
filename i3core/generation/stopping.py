"""When a reply ends, and which part of its text is shown."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class StopStrings:
    """Holds text back while it could be the start of a stop string.

    Attributes:
        held: text that is held back.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._known = set(stops)
        self._lengths = {len(stop) for stop in self._known}
        self._stops = sorted(self._known)
        self.held = ""

    def push(self, text: str) -> tuple[str, bool]:
        """Add text; return what can be shown now, and True if a stop string was reached.

        The time hardly depends on the number of stop strings: clients may send any.
        """
        self.held += text
        starts = range(len(self.held))
        if (found := next((at for at in starts if self._begins_with_stop(self.held[at:])), None)) is not None:
            return self.held[:found], True
        shown = self.held[: next((at for at in starts if self._may_become_stop(self.held[at:])), len(self.held))]
        self.held = self.held[len(shown) :]
        return shown, False

    def _begins_with_stop(self, text: str) -> bool:
        return any(text[:length] in self._known for length in self._lengths if length <= len(text))

    def _may_become_stop(self, text: str) -> bool:
        """True if `text` is a prefix of a stop string: the first that sorts behind it then starts with it."""
        index = bisect_left(self._stops, text)
        return index < len(self._stops) and self._stops[index].startswith(text)


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
