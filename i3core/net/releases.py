"""Check for a newer version: one request for a public page, only when the user asks.

The request identifies itself as "i3desk" and sends nothing else: no version, no cookies, no identifier. (The session of
huggingface_hub adds an id to every request, so a client of its own is used here.)
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..errors import I3Error
from ..version import __version__

RELEASES_URL = "https://api.github.com/repos/i3desk/i3desk/releases/latest"
TIMEOUT_S = 10.0
LARGEST_ANSWER = 1_000_000  # bytes
LONGEST_NOTES = 20_000  # characters
MOST_REDIRECTS = 5
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": "i3desk", "Accept": "application/json", "Accept-Encoding": "identity"}


class UpdatesError(I3Error):
    """The newest version cannot be determined."""


@dataclass(frozen=True)
class Release:
    """The newest published version.

    Attributes:
        version: as in "0.2.0".
        page: web page with details and downloads; always http or https.
        notes: what is new, as plain text; may be empty.
        published: the date, as in "2026-03-01"; may be empty.
    """

    version: str
    page: str
    notes: str
    published: str


def url() -> str:
    """URL of the request; empty if the packager has switched this off."""
    return os.environ.get("I3DESK_UPDATES_URL", RELEASES_URL).strip()


def switched_on() -> bool:
    """Whether this installation may check for updates."""
    return bool(url())


def host() -> str:
    """Host of the request, as in "api.github.com"."""
    return urlsplit(url()).hostname or ""


def is_newer(release: Release, than: str = __version__) -> bool:
    """Whether `release` is newer than the running version."""
    from packaging.version import Version

    return Version(release.version) > Version(than)


def is_web_page(address: str) -> bool:
    """Whether an address may be opened in a browser."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and address.isprintable() and " " not in address


def latest_release() -> Release:
    """Request the newest release.

    Raises UpdatesError: switched off, no network, nothing published, too many requests, or an invalid answer.
    """
    if not switched_on():
        raise UpdatesError(
            "Looking for a new version is switched off in this installation.",
            "New versions come from where i3desk was installed from.",
        )
    return _parse(_fetch(url()))


def _fetch(address: str) -> bytes:
    from huggingface_hub.utils import httpx

    deadline = time.monotonic() + TIMEOUT_S
    _check_address(address, ("https", "http"), "The address of the releases")
    try:
        with httpx.Client(headers=_HEADERS, timeout=TIMEOUT_S, follow_redirects=False) as client:
            for _ in range(MOST_REDIRECTS + 1):
                client.cookies.clear()
                with client.stream("GET", address) as response:
                    if response.status_code not in _REDIRECTS:
                        return _body(response, deadline)
                    address = urljoin(address, response.headers.get("Location", ""))
                _check_address(address, ("https",), f"{host()} redirects to another page, whose address")
    except httpx.HTTPError as error:
        if _is_slow(error):
            raise _too_slow() from error
        raise UpdatesError(
            f"{host()} cannot be reached: {_reason(error)}.", "Check the network connection and try again."
        ) from error
    raise UpdatesError(f"{host()} redirects from one page to the next without an end.", "Try again later.")


def _check_address(address: str, schemes: tuple[str, ...], which: str) -> None:
    """Raise UpdatesError unless this is an encrypted web address, or on this computer."""
    remedy = "Check I3DESK_UPDATES_URL." if "I3DESK_UPDATES_URL" in os.environ else "Try again later."
    try:
        parts = urlsplit(address)
        is_valid = is_web_page(address) and address.isascii() and (parts.port is None or parts.port > 0)
    except ValueError:  # of a port that is not a number
        parts, is_valid = None, False
    if parts is None or not is_valid:
        raise UpdatesError(f"{which} is not one of a web page.", remedy)
    if parts.scheme not in schemes or (parts.scheme == "http" and parts.hostname not in _LOOPBACK):
        raise UpdatesError(f"{which} is not encrypted (https), so nothing is read from it.", remedy)


def _body(response: Any, deadline: float) -> bytes:
    """The bytes of a successful response. Raises UpdatesError."""
    status = response.status_code
    if status == 404:
        raise UpdatesError("No version of i3desk has been published there yet.", "Look again in a few weeks.")
    if status in (403, 429):
        raise UpdatesError(
            f"{host()} has been asked too often from this network and refuses for a while (status {status}).",
            "Try again in an hour.",
        )
    if status != 200:
        raise UpdatesError(f"{host()} is busy or out of order (status {status}).", "Try again later.")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise UpdatesError(f"{host()} answers with far more than the description of a version.", "Try again later.")
        if time.monotonic() > deadline:
            raise _too_slow()
    return bytes(body)


def _parse(body: bytes) -> Release:
    """Parse the description of a release. Raises UpdatesError if it is anything else."""
    from packaging.version import InvalidVersion, Version

    try:
        content = json.loads(body)
        version = str(Version(content["tag_name"]))  # accepts a leading "v"
        page, notes, published = content["html_url"], content.get("body") or "", content.get("published_at") or ""
        if not all(isinstance(each, str) for each in (page, notes, published)) or not is_web_page(page):
            raise ValueError("a field has the wrong type")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidVersion) as error:
        raise UpdatesError(
            f"{host()} does not answer with the description of a version.",
            "Try again later, or see whether the network wants you to log in first.",
        ) from error
    notes = "\n".join(line.rstrip() for line in notes.strip().splitlines())
    return Release(version, page, notes[:LONGEST_NOTES], published[:10])


def _is_slow(error: Exception) -> bool:
    return "Timeout" in type(error).__name__


def _too_slow() -> UpdatesError:
    return UpdatesError(f"{host()} did not answer within {TIMEOUT_S:.0f} seconds.", "Try again later.")


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.rpartition("] ")[2].rstrip(".")  # without the number of the operating system's error
