"""Questions to the Hugging Face hub: asked again while it is busy, with the user's token if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..version import __version__
from . import http as transfer
from .auth import find_token
from .http import DownloadError
from .hub_errors import endpoint

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")


def ask(question: Callable[[HfApi], T], name: str, cancelled: Callable[[], bool] = lambda: False) -> T:
    """What the hub answers to `question` about the repository `name`.

    Raises:
        DownloadError: `name` cannot be one, or what answers is no hub.
        huggingface_hub.errors.HTTPError: no network, or the hub refuses; see `hub_errors.answers_explained`.
        Cancelled: `cancelled()` said so.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # else its library tells what else is installed
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError

    api = HfApi(endpoint=endpoint(), token=find_token(), library_name="i3desk", library_version=__version__)
    for seconds in (*transfer.WAITS_S[:2], None):
        try:
            return question(api)
        except HTTPError as error:
            if seconds is None or not transfer.is_passing(error):
                raise
            transfer.wait(seconds, cancelled)
        except HFValidationError as error:
            raise DownloadError(f"{name!r} is not the name of a repository on the hub.", "Give AUTHOR/NAME.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DownloadError(
                f"{endpoint()} does not answer as a hub does.",
                "Check HF_ENDPOINT, or whether the network wants you to log in first.",
            ) from error
    raise AssertionError("the last attempt raises")
