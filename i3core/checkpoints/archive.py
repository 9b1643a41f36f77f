"""A model as one file: a zip archive of its folder, to be handed to somebody else."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from ..errors import CheckpointError, I3Error
from ..system.files import filled, free_folder, replaced
from . import adapter_config, registry

SUFFIX = ".i3model"
LEFT_OUT = ("trainer.pt",)  # the optimizer's state: larger than the model, and of use to its run only
MOST_FILES = 1000
_PLAIN_NAME = re.compile(r"[\w][\w .,()+-]{0,199}", re.ASCII)
_SUFFIXES = (".json", ".safetensors", ".bin", ".pt", ".txt", ".md", ".xz", ".svg", ".model", "")


def pack(folder: str | Path, file: str | Path, name: str = "") -> Path:
    """Write the model in `folder` as one file; returns the file, whose name ends in SUFFIX.

    Args:
        folder: a complete model, or a run, of which the best checkpoint is taken.
        name: folder of the model where it is unpacked; that of `folder` by default.

    Raises:
        CheckpointError: it is no complete model; an adapter is of no use without its base.
        I3Error: the file cannot be written; what was there before is untouched.
    """
    file = Path(file)
    if not file.name.lower().endswith(SUFFIX):
        file = file.with_name(file.name + SUFFIX)
    source = registry.find(folder)
    if adapter_config.is_adapter(source):
        raise CheckpointError(
            f"{source} is an adapter, which is of no use without its base model.",
            "Keep it as a model first (`i3core keep`): that merges both.",
        )
    parts = [each for each in sorted(source.iterdir()) if _is_part(each)]
    if not registry.is_model_folder(source):
        raise CheckpointError(f"{source} holds no model.", "Choose a folder with config.json and weights.")
    with replaced(file) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for part in parts:
            archive.write(part, f"{name or Path(folder).name}/{part.name}")
    return file


def unpack(file: str | Path, models: Path) -> Path:
    """Unpack a model into a new folder in `models`; returns the folder.

    Nothing is written outside that folder, and after an error nothing is left.

    Raises:
        CheckpointError: the file is damaged, or holds anything but a model.
        I3Error: the disk is full or cannot be written.
    """
    file = Path(file)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _checked(file, archive)
            folder = free_folder(models, _folder_name(file, entries))
            models.mkdir(parents=True, exist_ok=True)
            needed = sum(entry.file_size for entry in entries.values())
            if needed > shutil.disk_usage(models).free:
                raise I3Error(f"{file.name} needs {needed / 1e6:,.0f} MB in {models}.", "Free some disk space.")
            with filled(folder, overwrite=False) as fresh:
                for name, entry in entries.items():
                    with archive.open(entry) as packed, open(fresh / name, "wb") as target:
                        shutil.copyfileobj(packed, target, 1 << 20)
                if not registry.is_model_folder(fresh):
                    raise _refused(file, "holds no model")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:  # also of encrypted ones
        raise _refused(file, "is damaged") from error
    except OSError as error:
        raise CheckpointError(
            f"{file} cannot be unpacked: {error.strerror or error}.", f"Check the file, and the room in {models}."
        ) from error
    return folder


def _is_part(path: Path) -> bool:
    return path.is_file() and path.name not in LEFT_OUT and _may_hold(path.name)


def _may_hold(name: str) -> bool:
    return _PLAIN_NAME.fullmatch(name) is not None and Path(name).suffix.lower() in _SUFFIXES


def _checked(file: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by name, all of one folder."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise _refused(file, f"holds {len(entries):,} files")
    found: dict[str, zipfile.ZipInfo] = {}
    parents = set()
    for entry in entries:
        parent, _, name = entry.filename.rpartition("/")
        parents.add(parent)
        if not _may_hold(name) or "/" in parent or name in found:
            raise _refused(file, f"holds {entry.filename!r}, which is no part of a model")
        found[name] = entry
    if len(parents) > 1:
        raise _refused(file, "holds more than one folder")
    return found


def _folder_name(file: Path, entries: dict[str, zipfile.ZipInfo]) -> str:
    parent = next(iter(entries.values())).filename.rpartition("/")[0] if entries else ""
    return parent if _PLAIN_NAME.fullmatch(parent) else re.sub(r"[^\w.-]+", "-", file.stem).strip(".-") or "model"


def _refused(file: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{file.name} {why}.", f"A model file ends in {SUFFIX} and comes from “Export as one file” in i3desk."
    )
