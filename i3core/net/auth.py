"""Access token of the Hugging Face hub: from the environment, its own tools, or the system's keyring.

It is never printed, logged or written to a file of ours, and sent to the hub's own host only.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ..errors import I3Error
from ..system.extras import install_hint
from .hub_errors import endpoint

SERVICE = "i3desk"  # name in the keyring, with the hub's host as the user


class TokenError(I3Error):
    """There is no keyring, or the hub does not accept the token."""


def find_token() -> str | None:
    """Find the token: HF_TOKEN, then the one stored by `hf auth login`, then the keyring.

    Raises TokenError if it has invalid characters: it would be sent in a header, which errors may show.
    """
    from huggingface_hub import get_token

    token = get_token() or _in_keyring()
    return _checked(token) if token else None


def log_in(token: str) -> str:
    """Store a token in the keyring if the hub accepts it; return the user's name there.

    Raises TokenError if the hub refuses it or cannot be reached, or there is no keyring.
    """
    from huggingface_hub import HfApi, errors
    from huggingface_hub.utils import httpx

    token = _checked(token)
    keyring, host = _keyring(), _host()
    try:
        name = str(HfApi(endpoint=endpoint(), token=token).whoami()["name"])
    except errors.HfHubHTTPError as error:
        code = error.response.status_code
        if code in (401, 403):
            raise TokenError(
                f"{host} does not know this token.", "Make one in its settings, and copy it whole."
            ) from None
        raise TokenError(f"{host} is busy or out of order (status {code}).", "Try again later.") from None
    except (httpx.HTTPError, OSError) as error:
        raise TokenError(f"{host} cannot be reached ({type(error).__name__}).", "Check the network.") from None
    try:
        keyring.set_password(SERVICE, host, token)
    except Exception as error:  # each backend has its own
        raise TokenError(
            f"The system's keyring does not accept the token ({type(error).__name__}).", "Use the variable HF_TOKEN."
        ) from None
    return name


def log_out() -> bool:
    """Remove the token from the keyring; True if there was one. Raises TokenError if there is no keyring."""
    keyring = _keyring()
    if _in_keyring() is None:
        return False
    keyring.delete_password(SERVICE, _host())
    return True


def _checked(token: str) -> str:
    token = token.strip()
    if re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token) is None:
        raise TokenError(
            "The access token has an invalid character, such as a space or a quotation mark.",
            "Copy it again, and give it with HF_TOKEN or `i3core hub-login`.",
        )
    return token


def _in_keyring() -> str | None:
    try:
        return _keyring().get_password(SERVICE, _host())
    except Exception:  # not installed, no backend, or locked: no token
        return None


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise TokenError("Storing a token needs the package keyring.", install_hint("hub", "Use HF_TOKEN.")) from None
    return keyring


def _host() -> str:
    return urlsplit(endpoint()).netloc
