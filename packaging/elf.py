"""Programs and shared libraries of Linux: what they ask for, and what of them a user's machine has no use for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def is_binary(path: Path) -> bool:
    """Whether the file is a program or shared library of Linux."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def binaries_of(folder: Path) -> list[Path]:
    """Programs and shared libraries in the folder."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink() and is_binary(path)]


def described(path: Path | str) -> str:
    """The private headers, as objdump shows them."""
    return subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout


def linked_with(path: Path | str) -> list[str]:
    """Names of the shared libraries that it asks for itself."""
    return re.findall(r"^\s+NEEDED\s+(\S+)", described(path), re.MULTILINE)


def strip(path: Path) -> None:
    """Takes out what only debuggers read."""
    subprocess.run(["strip", "--strip-unneeded", path], check=True)


def forget_build_paths(path: Path) -> None:
    """Has it look for libraries beside itself, not in a folder of the machine where it was built."""
    data = path.read_bytes()
    for found in re.findall(r"^\s+(?:RUNPATH|RPATH)\s+(/\S+)", described(path), re.MULTILINE):
        there = found.encode() + b"\0"
        data = data.replace(there, b"$ORIGIN".ljust(len(there), b"\0"))
    if data != path.read_bytes():
        path.write_bytes(data)
