"""Download a file over HTTP into a partial file that later attempts resume.

huggingface_hub (2.4) downloads into a file of a random name and removes it when it fails: what an interrupted attempt
received is lost. Here, through its session, the bytes received so far stay, and the next attempt requests only the
rest (a Range request).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ..errors import I3Error
from ..system.disk_space import DiskFullError, free_bytes, is_disk_full
from ..system.files import sync

RETRY_WAITS_S = (0.5, 1.0, 2.0, 4.0)  # before another attempt, after consecutive attempts that brought nothing
_TRANSIENT = (408, 429, 500, 502, 503, 504)  # status codes that may change a moment later


class DownloadError(I3Error):
    """A download cannot start or continue."""


class _OtherContentError(DownloadError):
    """The response has another size than the file. It may be a network's login page."""


class Cancelled(Exception):  # noqa: N818 (a request, not an error)
    """The caller asked to stop."""


class TransferMeter:
    """Progress, speed and remaining time of a download.

    Attributes:
        done_bytes, total_bytes: of everything that belongs to the download.
    """

    WINDOW_S = 5.0

    def __init__(self, done_bytes: int, total_bytes: int) -> None:
        self.done_bytes = done_bytes
        self.total_bytes = total_bytes
        self._marks = deque([(time.monotonic(), done_bytes)])

    def add(self, count: int) -> None:
        """Add `count` bytes received; below 0, bytes that must be received again."""
        now = time.monotonic()
        self.done_bytes += count
        if count < 0:
            self._marks = deque([(now, self.done_bytes)])
        if now - self._marks[-1][0] >= 0.1:
            self._marks.append((now, self.done_bytes))
        while len(self._marks) > 2 and now - self._marks[1][0] >= self.WINDOW_S:
            self._marks.popleft()

    @property
    def bytes_per_second(self) -> float:
        seconds = time.monotonic() - self._marks[0][0]
        return (self.done_bytes - self._marks[0][1]) / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None as long as nothing is received."""
        speed = self.bytes_per_second
        return (self.total_bytes - self.done_bytes) / speed if speed > 0 else None


def download_file(
    url: str, headers: dict[str, str], part: Path, size: int, add: Callable[[int], None], cancelled: Callable[[], bool]
) -> None:
    """Download what `part` still lacks of a file of `size` bytes, with retries.

    Args:
        add: receives numbers of bytes received.

    Raises:
        Cancelled: `cancelled()` returned True.
        httpx.HTTPError: the network or server failed several times in a row.
        DownloadError: nothing or another file was received several times in a row.
        DiskFullError: there is no room for the rest.
        OSError: the disk refuses.

    What was received is kept in all these cases.
    """
    from huggingface_hub.utils import httpx

    part.touch()
    failures = 0
    while (received := part.stat().st_size) != size:
        if received > size:  # of another file
            part.unlink()
            part.touch()
            add(-received)
            continue
        failure: Exception | None = None
        try:
            _stream(url, headers, part, size, add, cancelled)
        except _OtherContentError as error:
            failure = error
        except httpx.HTTPError as error:
            if not is_transient(error):
                raise
            failure = error
        if part.stat().st_size > received:
            failures = 0
        elif failures == len(RETRY_WAITS_S):
            raise failure or DownloadError(f"The server sends nothing for {url}.", "Try again later.")
        if part.stat().st_size < size:
            wait(RETRY_WAITS_S[failures], cancelled)
            failures += 1
    sync(part)


def is_transient(error: Exception) -> bool:
    """Whether another attempt may succeed: a connection that failed, a server that is busy."""
    from huggingface_hub.errors import HfHubHTTPError

    return not isinstance(error, HfHubHTTPError) or error.response.status_code in _TRANSIENT


def wait(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Sleep, but raise Cancelled as soon as `cancelled()` returns True."""
    end = time.monotonic() + seconds
    while True:
        if cancelled():
            raise Cancelled
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(0.1, left))


def _stream(
    url: str, headers: dict[str, str], part: Path, size: int, add: Callable[[int], None], cancelled: Callable[[], bool]
) -> None:
    """One connection: append each piece received to `part` at once."""
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import hf_raise_for_status

    received = part.stat().st_size
    headers = {**headers, "Accept-Encoding": "identity"}  # else the range would be one of the compressed bytes
    if received:
        headers["Range"] = f"bytes={received}-"
    with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response:
        hf_raise_for_status(response)
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {received}-")
        length = response.headers.get("Content-Length", "")
        is_other = length.isdecimal() and int(length) != size - (received if resumed else 0)
        if is_other or (received and not resumed and not length.isdecimal()):  # do not risk what is already here
            raise _OtherContentError(
                f"The server sends something else in place of {url}.",
                "Check whether the network wants you to log in first, then try again.",
            )
        with open(part, "ab", buffering=0) as target:
            if received and not resumed:
                target.truncate(0)  # a server that cannot resume sends all of it again
                add(-received)
                received = 0
            for chunk in response.iter_bytes():
                if cancelled():
                    raise Cancelled
                rest = memoryview(chunk)[: size - received]
                while rest:
                    try:
                        count = target.write(rest)
                    except OSError as error:
                        if is_disk_full(error):
                            raise DiskFullError(free_bytes(part.parent)) from error
                        raise
                    rest = rest[count:]
                    received += count
                    add(count)
