"""ELF programs and shared libraries: their dependencies, and removal of what users do not need."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def is_binary(path: Path) -> bool:
    """True for an ELF file."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def binaries_of(folder: Path) -> list[Path]:
    """Programs and shared libraries in the folder."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink() and is_binary(path)]


def described(path: Path | str) -> str:
    """Private headers, as objdump prints them."""
    return subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout


def linked_with(path: Path | str) -> list[str]:
    """Names of the shared libraries it links directly."""
    return re.findall(r"^\s+NEEDED\s+(\S+)", described(path), re.MULTILINE)


def strip(path: Path) -> None:
    """Remove symbols that only debuggers need."""
    subprocess.run(["strip", "--strip-unneeded", path], check=True)


def remove_build_paths(path: Path) -> None:
    """Replace absolute library search paths of the build machine with the binary's own folder."""
    data = path.read_bytes()
    for found in re.findall(r"^\s+(?:RUNPATH|RPATH)\s+(/\S+)", described(path), re.MULTILINE):
        there = found.encode() + b"\0"
        data = data.replace(there, b"$ORIGIN".ljust(len(there), b"\0"))
    if data != path.read_bytes():
        path.write_bytes(data)
