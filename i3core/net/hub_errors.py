"""What can go wrong between this computer and the hub, in words that say what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .http import DownloadError


def endpoint() -> str:
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


@contextmanager
def answers_explained(repo: str, revision: str, kept: Callable[[], str], data_set: bool = False) -> Iterator[None]:
    """Makes of everything that network and hub raise a message that says what to do; `kept` says what is not lost."""
    from huggingface_hub import errors

    host = endpoint().split("://")[-1]
    page = f"{endpoint()}/{'datasets/' if data_set else ''}{repo}"
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
            f"There is no public {'data set' if data_set else 'model'} {repo} on {host}.",
            "Check the name; a private one needs a token (HF_TOKEN).",
        ) from error
    except errors.HfHubHTTPError as error:
        raise DownloadError(_status(error, repo, host), f"Try again later. {kept()}".rstrip()) from error
    except errors.HTTPError as error:
        raise DownloadError(
            f"{host} cannot be reached, or the connection broke: {_reason(error)}.",
            f"Check the network connection and try again. {kept()}".rstrip(),
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise DownloadError(
            "Downloads are switched off: HF_HUB_OFFLINE is set.", "Unset this environment variable to download."
        ) from error


def gated(repo: str, page: str) -> DownloadError:
    """The error of a repository with conditions that the user has not accepted."""
    return DownloadError(
        f"{repo} is given only to those who accept its conditions.",
        f"Accept them on {page}, then log in with `i3core hub-login` (or set HF_TOKEN) and try again.",
    )


def _status(error: Any, repo: str, host: str) -> str:
    code = error.response.status_code
    if code in (401, 403):
        return f"{host} does not give {repo} to this computer (status {code})."
    if code == 404:
        return f"A file of {repo} is no longer on {host}."
    return f"{host} is busy or out of order (status {code})."


def _reason(error: Exception) -> str:
    if "Bearer" in str(error):  # of the request's headers, which have the token
        return type(error).__name__
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
