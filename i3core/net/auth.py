"""The access token of the Hugging Face hub: from the environment, from its own tools, or from the system's keyring.

It is never printed, logged or written to a file of ours, and given to the hub's own host alone.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ..errors import I3Error
from ..system.extras import install_hint
from .hub_errors import endpoint

SERVICE = "i3desk"  # under which the keyring keeps it, with the hub's host as the user


class TokenError(I3Error):
    """No keyring, or a token that the hub does not know."""


def find_token() -> str | None:
    """The token for the hub, if there is one: HF_TOKEN, then what `hf auth login` left, then the keyring.

    Raises TokenError if it holds what no token has: it would go into a header, which errors may show.
    """
    from huggingface_hub import get_token

    token = get_token() or _in_keyring()
    return _checked(token) if token else None


def log_in(token: str) -> str:
    """Keeps a token in the keyring once the hub knows it, and returns the user's name there.

    Raises TokenError: the hub refuses it, cannot be reached, or there is no keyring.
    """
    from huggingface_hub import HfApi, errors

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
    except (errors.HTTPError, OSError) as error:
        raise TokenError(f"{host} cannot be reached ({type(error).__name__}).", "Check the network.") from None
    try:
        keyring.set_password(SERVICE, host, token)
    except Exception as error:  # each backend has its own
        raise TokenError(
            f"The system's keyring does not take the token ({type(error).__name__}).", "Use the variable HF_TOKEN."
        ) from None
    return name


def log_out() -> bool:
    """Removes the token from the keyring; whether there was one. Raises TokenError if there is no keyring."""
    keyring = _keyring()
    if _in_keyring() is None:
        return False
    keyring.delete_password(SERVICE, _host())
    return True


def _checked(token: str) -> str:
    token = token.strip()
    if re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token) is None:
        raise TokenError(
            "The access token has a character that no token has, such as a space or a quotation mark.",
            "Copy it anew, and give it with HF_TOKEN or `i3core hub-login`.",
        )
    return token


def _in_keyring() -> str | None:
    try:
        return _keyring().get_password(SERVICE, _host())
    except Exception:  # not installed, no backend, locked: there is no token then
        return None


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise TokenError("Keeping a token needs the package keyring.", install_hint("hub", "Use HF_TOKEN.")) from None
    return keyring


def _host() -> str:
    return urlsplit(endpoint()).netloc
