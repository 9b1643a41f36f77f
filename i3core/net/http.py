"""One file over HTTP into a partial file that any later attempt goes on with, through huggingface_hub's session.

huggingface_hub (2.4) downloads into a file of a random name and removes it when it fails: an attempt that ends for any
reason is lost. Here the bytes that came stay, and the next attempt asks only for the rest (a Range request).
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ..errors import I3Error

WAITS_S = (0.5, 1.0, 2.0, 4.0)  # before another attempt, after attempts in a row that brought nothing
_PASSING = (408, 429, 500, 502, 503, 504)  # answers of a server that may be another a moment later
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DownloadError(I3Error):
    """A download cannot start or go on."""


class _OtherContentError(DownloadError):
    """What comes is not the file: its size is another. It may be a page that a network puts before everything."""


class DiskFullError(OSError):
    """There is no room for what came."""


class Cancelled(Exception):  # noqa: N818
    """Somebody asked to stop."""


class Meter:
    """How much of a download is there, how fast it comes, and how long the rest will take.

    Attributes:
        done_bytes, total_bytes: of everything that belongs to the download.
    """

    WINDOW_S = 5.0

    def __init__(self, done_bytes: int, total_bytes: int) -> None:
        self.done_bytes = done_bytes
        self.total_bytes = total_bytes
        self._marks = deque([(time.monotonic(), done_bytes)])

    def add(self, count: int) -> None:
        """`count` bytes came (or, below 0, have to come again)."""
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
        """None as long as nothing comes."""
        speed = self.bytes_per_second
        return (self.total_bytes - self.done_bytes) / speed if speed > 0 else None


def fetch(
    url: str, headers: dict[str, str], part: Path, size: int, add: Callable[[int], None], cancelled: Callable[[], bool]
) -> None:
    """Downloads what `part` still lacks of a file of `size` bytes, over as many connections as it takes.

    Args:
        add: told how many bytes came.

    Raises:
        Cancelled: `cancelled()` said so; what came is kept.
        huggingface_hub.errors.HTTPError: the network or server failed several times in a row; what came is kept.
        DownloadError: nothing or something else came several times in a row; what came is kept.
        DiskFullError: there is no room for the rest; what came is kept.
        OSError: the disk refuses.
    """
    from huggingface_hub.errors import HTTPError

    part.touch()
    failures = 0
    while (have := part.stat().st_size) != size:
        if have > size:  # of something else
            part.unlink()
            part.touch()
            add(-have)
            continue
        failure: Exception | None = None
        try:
            _stream(url, headers, part, size, add, cancelled)
        except _OtherContentError as error:
            failure = error
        except HTTPError as error:
            if not is_passing(error):
                raise
            failure = error
        if part.stat().st_size > have:
            failures = 0
        elif failures == len(WAITS_S):
            raise failure or DownloadError(f"The server sends nothing for {url}.", "Try again later.")
        if part.stat().st_size < size:
            wait(WAITS_S[failures], cancelled)
            failures += 1
    with open(part, "r+b") as whole:
        os.fsync(whole.fileno())


def is_passing(error: Exception) -> bool:
    """Whether another attempt may succeed: a connection that failed, a server that is busy."""
    from huggingface_hub.errors import HfHubHTTPError

    return not isinstance(error, HfHubHTTPError) or error.response.status_code in _PASSING


def wait(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Raises Cancelled as soon as `cancelled()` says so."""
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
    """One connection: appends to `part` what comes, each piece at once."""
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import hf_raise_for_status

    have = part.stat().st_size
    headers = {**headers, "Accept-Encoding": "identity"}  # else the range would be one of the compressed bytes
    if have:
        headers["Range"] = f"bytes={have}-"
    with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response:
        hf_raise_for_status(response)
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        length = response.headers.get("Content-Length", "")
        is_other = length.isdecimal() and int(length) != size - (have if resumed else 0)
        if is_other or (have and not resumed and not length.isdecimal()):  # what is here is not given for a guess
            raise _OtherContentError(
                f"The server sends something else in place of {url}.",
                "Check whether the network wants you to log in first, then try again.",
            )
        with open(part, "ab", buffering=0) as target:
            if have and not resumed:
                target.truncate(0)  # a server that cannot resume sends all of it again
                add(-have)
                have = 0
            for chunk in response.iter_bytes():
                if cancelled():
                    raise Cancelled
                rest = memoryview(chunk)[: size - have]
                while rest:
                    try:
                        count = target.write(rest)
                    except OSError as error:
                        if error.errno in _NO_SPACE:
                            raise DiskFullError(error.errno, error.strerror) from error
                        raise
                    rest = rest[count:]
                    have += count
                    add(count)
