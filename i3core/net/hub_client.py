"""Requests to the Hugging Face hub: retried while it is busy, with the user's token if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..version import __version__
from . import http
from .auth import find_token
from .hub_errors import endpoint

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")


def query_hub(query: Callable[[HfApi], T], name: str, cancelled: Callable[[], bool] = lambda: False) -> T:
    """Return what `query` gets from the hub about the repository `name`.

    Raises:
        DownloadError: `name` is invalid, or the server is not a hub.
        httpx.HTTPError: no network, or the hub refuses; see `hub_errors.hub_errors_explained`.
        Cancelled: `cancelled()` returned True.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # else the library reports what else is installed
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import httpx

    api = HfApi(endpoint=endpoint(), token=find_token(), library_name="i3desk", library_version=__version__)
    for seconds in (*http.RETRY_WAITS_S[:2], None):
        try:
            return query(api)
        except httpx.HTTPError as error:
            if seconds is None or not http.is_transient(error):
                raise
            http.wait(seconds, cancelled)
        except HFValidationError as error:
            raise http.DownloadError(
                f"{name!r} is not the name of a repository on the hub.", "Give AUTHOR/NAME."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise http.DownloadError(
                f"{endpoint()} does not answer as a hub does.",
                "Check HF_ENDPOINT, or whether the network wants you to log in first.",
            ) from error
    raise AssertionError("the last attempt raises")
