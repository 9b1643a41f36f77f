"""Files that are replaced whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import I3Error


@contextmanager
def replaced(path: str | Path, make_folder: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on success it takes the place of `path`, on failure nothing changes.

    Without `make_folder` a folder that is gone stays so.

    Raises I3Error with the remedy if the disk refuses (full, read-only).
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)  # less the umask, as any new file
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        os.close(handle)
        temporary = unfinished
        yield temporary
        with open(temporary, "r+b") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, mode)  # whatever wrote it may have made a new file
        os.replace(temporary, path)
    except OSError as error:
        raise I3Error(
            f"{path} could not be written: {error.strerror or error}.",
            "Free some disk space or choose another folder; what was there before is untouched.",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any, indent: int | None = 2, make_folder: bool = True) -> None:
    """Replaces `path` by `content` as JSON; see `replaced`."""
    with replaced(path, make_folder) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """The content of a JSON file. Raises I3Error naming the file if it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise I3Error(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise I3Error(f"{path} is damaged (not JSON).", "Copy or download it again.") from error


def file_sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
