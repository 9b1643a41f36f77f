"""Records of a data set on the hub, one after the other, through the `datasets` library.

It reads .parquet, .jsonl, .csv, .txt and more over the network as they lie there, a piece at a time. It never executes
what a repository brings: versions before 4.0 could, and are refused.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import DataError, I3Error
from ..net.auth import find_token
from ..net.dataset_name import HubDataset
from ..net.hub_errors import endpoint, gated
from ..system.extras import install_hint
from .fields import KNOWN_FIELDS

LEAST_VERSION = 4
RESHARDED_FILES = 64  # more of them are small ones, and to look into each before the first record would take long
_CONVERTED = "refs/convert/parquet"  # where the hub itself keeps a copy as .parquet
_SHOWN = 12


class RecordStream:
    """The records of one split at one commit. Iterating goes on where `state` was, if `go_on` was told.

    Raises DataError: there is no such configuration, split or column, or nothing that can be read. Errors of the
    network come as they are.

    Attributes:
        expected_bytes: about how large the whole split is; 0 if nobody says.
    """

    def __init__(self, data: HubDataset, repo: str, commit: str) -> None:
        """`repo` is the present name of `data.repo`, and `commit` what its revision stands for."""
        self._data, self._repo, self._commit = data, repo, commit
        self._library = library()
        with self._explained(), tempfile.TemporaryDirectory() as scratch:  # what the library would keep has no use here
            self._stream, self.expected_bytes = self._open(scratch)
            names = self._stream.column_names
            self._fields = self._choose(names) if names else ()  # else the first record tells
            if hasattr(self._stream, "reshard") and self._stream.num_shards <= RESHARDED_FILES:
                # Arrow reads ahead in a .parquet file without end; of parts of it (its row groups) to the part's end.
                self._stream = self._stream.reshard()
            if self._fields:
                self._stream = self._stream.select_columns(list(self._fields))  # the others are not even decoded

    def go_on(self, state: dict[str, Any]) -> None:
        """Begin where another stream of the same commit had this `state`."""
        self._stream.load_state_dict(state)

    def state(self) -> dict[str, Any]:
        """Where the iteration is, in plain JSON values."""
        return self._stream.state_dict()

    def __iter__(self) -> Iterator[dict[str, Any] | None]:
        """Each record, with the fields by which records are known; None in place of one without any text."""
        count = 0
        rows = iter(self._stream)
        try:
            while (row := self._next(rows, count)) is not None:
                count += 1
                fields = self._fields = self._fields or self._choose(list(row))
                values = {name: self._text(name, row.get(name), count) for name in fields}
                record = {"text" if name == self._data.column else name: value for name, value in values.items()}
                yield record if any(map(_says_something, record.values())) else None
        finally:
            rows.close()

    def _next(self, rows: Iterator[dict[str, Any]], count: int) -> dict[str, Any] | None:
        with self._explained(f" behind record {count:,}"):
            return next(rows, None)

    def _text(self, name: str, value: Any, count: int) -> Any:
        """The value of a field; bytes as the text that they are."""
        if not isinstance(value, bytes):
            return value
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self._data}: {name!r} of record {count:,} holds bytes that are no text.",
                "Name the column of the text, with ,column=NAME.",
            ) from error

    @contextmanager
    def _explained(self, where: str = "") -> Iterator[None]:
        """Whatever the library, Arrow or a parser says of files that it cannot read, as a DataError."""
        from huggingface_hub.errors import HTTPError

        try:
            yield
        except (I3Error, HTTPError, ConnectionError, TimeoutError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the disk
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise DataError(
                f"{self._data} cannot be read{where}: {reason[:200]}.",
                f"Its files may not fit together or be damaged. Download those that you want from {self._page()} "
                "and give them by their paths.",
            ) from error

    def _page(self) -> str:
        return f"{endpoint()}/datasets/{self._repo}"

    def _open(self, scratch: str) -> tuple[Any, int]:
        """The stream of the split, and how many bytes it is said to have."""
        where = f"hf://datasets/{self._repo}"  # never a folder of this name on this computer
        options = {"revision": self._commit, "token": find_token(), "cache_dir": scratch}
        try:
            builder = self._library.load_dataset_builder(where, self._data.config or None, **options)
        except self._library.exceptions.DatasetNotFoundError as error:  # it was found, so that can only mean access
            raise gated(self._repo, self._page()) from error
        except FileNotFoundError as error:  # of the library's, or of the file system's kind
            raise self._nothing_to_read() from error
        except RuntimeError as error:
            if "scripts" not in str(error):
                raise
            raise DataError(
                f"{self._data.repo} brings a program to read its data with, which i3core never executes.",
                f"The hub may have a copy that needs none: hub:{self._data.repo},revision={_CONVERTED}.",
            ) from error
        except ValueError as error:
            told = self._config_error(options, where)
            if told is None:
                raise
            raise told from error
        splits = builder.as_streaming_dataset()
        if self._data.split not in splits:
            found = _listed(map(str, splits))
            raise DataError(
                f"{self._data.repo} has no split {self._data.split!r}. It has: {found}.",
                f"Name one of them, such as hub:{self._data.repo},split={next(iter(splits), 'train')}.",
            )
        said = (builder.info.splits or {}).get(self._data.split)
        return splits[self._data.split], int(getattr(said, "num_bytes", None) or 0)

    def _config_error(self, options: dict[str, Any], where: str) -> DataError | None:
        """What is wrong with the configuration that was asked for; None if nothing is."""
        names = self._library.get_dataset_config_names(where, revision=self._commit, token=options["token"])
        if self._data.config in names or (not self._data.config and len(names) < 2):
            return None
        what = (
            f"{self._data.repo} has no configuration {self._data.config!r}."
            if self._data.config
            else f"{self._data.repo} has several configurations, of which one must be chosen."
        )
        return DataError(
            f"{what} It has: {_listed(names)}.", f"Name one of them, such as hub:{self._data.repo},config={names[0]}."
        )

    def _nothing_to_read(self) -> DataError:
        return DataError(
            f"{self._data.repo} holds no files of data that can be read.",
            f"Read are .parquet, .jsonl, .csv and .txt. Look at it on {self._page()}.",
        )

    def _choose(self, names: list[str]) -> tuple[str, ...]:
        """Which columns are kept. Raises DataError if none says anything to us."""
        column = self._data.column
        if column and column not in names:
            raise DataError(f"{self._data.repo} has no column {column!r}. It has: {_listed(names)}.", "Name another.")
        known = (column,) if column else tuple(name for name in KNOWN_FIELDS if name in names)
        if not set(known) - {"src"}:
            raise DataError(
                f"{self._data.repo} has the columns {_listed(names)}, none of which is known.",
                f"Say which one is the text: hub:{self._data.repo},column={names[0]}.",
            )
        return known


def library() -> Any:
    """The `datasets` module, which sends nothing about this computer and says nothing of its own on the terminal."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import datasets
        import huggingface_hub
    except ImportError as error:
        remedy = install_hint("datasets", "Download the files of the data set, and give them by their paths.")
        raise DataError("Data sets of the hub need the package datasets.", remedy) from error
    if int(datasets.__version__.split(".")[0]) < LEAST_VERSION:
        raise DataError(
            f"The package datasets {datasets.__version__} is too old: it would execute what a data set brings.",
            install_hint("datasets", ""),
        )
    config = datasets.config
    config.HF_UPDATE_DOWNLOAD_COUNTS = False  # which would tell of each use
    config.HF_ENDPOINT = endpoint()  # the environment may have named another since the module was first imported
    config.HUB_DATASETS_URL = endpoint() + "/datasets/{repo_id}/resolve/{revision}/{path}"
    # Its own patience would be half an hour without a word; hub_data.py tries again and goes on where it was.
    config.STREAMING_READ_MAX_RETRIES = config.STREAMING_OPEN_MAX_RETRIES = 1
    config.STREAMING_READ_RETRY_INTERVAL = config.STREAMING_OPEN_RETRY_INTERVAL = 0
    huggingface_hub.utils.logging.set_verbosity_error()  # what fails is tried again here, and told once if it stays so
    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity(datasets.utils.logging.CRITICAL)
    return datasets


def _says_something(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _listed(names: Any) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
