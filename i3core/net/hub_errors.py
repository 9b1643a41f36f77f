"""Convert errors of the hub and the network to messages with a remedy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .http import DownloadError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError


def endpoint() -> str:
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


@contextmanager
def hub_errors_explained(repo: str, revision: str, kept: Callable[[], str], is_dataset: bool = False) -> Iterator[None]:
    """Convert hub and network errors to DownloadError with a remedy; `kept` describes partial downloads."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    host = endpoint().split("://")[-1]
    page = f"{endpoint()}/{'datasets/' if is_dataset else ''}{repo}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise gated(repo, page) from error
    except errors.RevisionNotFoundError as error:
        raise DownloadError(
            f"{repo} has no revision {revision!r}.", "Leave the revision out for the newest."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DownloadError(
            f"There is no public {'dataset' if is_dataset else 'model'} {repo} on {host}.",
            "Check the name; a private one needs a token (HF_TOKEN).",
        ) from error
    except errors.HfHubHTTPError as error:
        raise DownloadError(_status(error, repo, host), f"Try again later. {kept()}".rstrip()) from error
    except httpx.HTTPError as error:
        raise DownloadError(
            f"{host} cannot be reached, or the connection broke: {_reason(error)}.",
            f"Check the network connection and try again. {kept()}".rstrip(),
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise DownloadError(
            "Downloads are switched off: HF_HUB_OFFLINE is set.", "Unset this environment variable to download."
        ) from error


def gated(repo: str, page: str) -> DownloadError:
    """The error for a repository whose conditions the user has not accepted."""
    return DownloadError(
        f"{repo} is given only to those who accept its conditions.",
        f"Accept them on {page}, then log in with `i3core hub-login` (or set HF_TOKEN) and try again.",
    )


def _status(error: HfHubHTTPError, repo: str, host: str) -> str:
    code = error.response.status_code
    if code in (401, 403):
        return f"{host} does not give {repo} to this computer (status {code})."
    if code == 404:
        return f"A file of {repo} is no longer on {host}."
    return f"{host} is busy or out of order (status {code})."


def _reason(error: Exception) -> str:
    if "Bearer" in str(error):  # of the request's headers, which contain the token
        return type(error).__name__
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
