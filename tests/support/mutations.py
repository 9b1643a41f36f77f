"""Damage to files, seeded: flipped and missing bytes, odd JSON values, pipes and links in place of a file."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
from pathlib import Path
from typing import Any

ODD_VALUES = [
    None,
    True,
    -1,
    0,
    0.5,
    2**31,
    2**63,
    -(2**63),
    10**18,
    10**400,
    float("nan"),
    float("inf"),
    -1e308,
    "",
    "x",
    "7",
    "../outside",
    "/etc/passwd",
    "/dev/zero",
    "a\0b",
    "\ud800",
    "é" * 3,
    "x" * 5000,
    [],
    [[]],
    {},
    {"": {}},
    [None],
    ["x", 1, None],
    {"text": "x"},
    {"role": "user", "content": None},
    "99999999999999999999",
    [1e999],
    "<b>&amp;</b>",
]
ODD_BYTES = [
    b"",
    b"\0" * 64,
    b"\xff\xfe",
    b"[" * 20_000,
    b'{"a":' * 5_000,
    b"9" * 5_000,
    b"\xef\xbb\xbf",
    b"\r",
    b"\x1b[2J",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    b"<!doctype html><html>",
    b"PK\x03\x04",
    b"SQLite format 3\0",
    b"\x1f\x8b\x08",
    b"\xfd7zXZ\0",
    b"PAR1",
    b"\x80\x04cos\nsystem\n(S'id'\ntR.",
    b"NaN",
    b"1e999",
]


def odd_value(chance: random.Random, depth: int = 0) -> Any:
    """A JSON value that a careless reader trips over."""
    if depth < 2 and chance.random() < 0.15:
        return [odd_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return chance.choice(ODD_VALUES)


def damaged_bytes(chance: random.Random, data: bytes) -> bytes:
    """The bytes with one to four changes."""
    content = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice((1, 1, 2, 8, 64, 512, 4096)))
        match chance.randrange(8):
            case 0 if content:
                content[min(start, len(content) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                del content[start:end]
            case 2:
                content[start:start] = chance.choice(ODD_BYTES)
            case 3:
                content[start:end] = chance.randbytes(end - start)
            case 4:
                content[start:end] = bytes(end - start)
            case 5:
                content[start:start] = content[start:end] * chance.randint(1, 50)
            case 6:
                del content[start:]
            case _:
                content[start:end] = chance.choice(ODD_BYTES)[: end - start]
    return bytes(content)


def damaged_json(chance: random.Random, value: Any) -> Any:
    """The value with one to three odd values, missing or added fields somewhere inside."""
    holder = [json.loads(json.dumps(value))]
    for _ in range(chance.randint(1, 3)):
        place, key = holder, 0
        while isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
            place = place[key]
            key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
        match chance.randrange(8):
            case 0 if place is not holder:
                del place[key]
            case 1 if isinstance(place, dict):
                place[chance.choice(("", "__class__", "name", "text", "messages", "model", "x" * 300))] = place[key]
            case 2 if isinstance(place, list) and place is not holder:
                place.extend(place[key : key + 1] * chance.choice((1, 3, 300)))
            case 3:
                for _ in range(chance.choice((3, 300, 900))):
                    place[key] = [place[key]]
            case _:
                place[key] = odd_value(chance)
        if not place:
            break
    return holder[0]


def damage_text(chance: random.Random, data: bytes) -> bytes:
    """Damage JSON, lines of JSON, or else the bytes."""
    try:
        if chance.random() < 0.3:
            raise ValueError
        return json.dumps(damaged_json(chance, json.loads(data))).encode()
    except (ValueError, RecursionError):
        pass
    try:
        if chance.random() < 0.3:
            raise ValueError
        lines = data.splitlines()
        number = chance.randrange(len(lines))
        lines[number] = json.dumps(damaged_json(chance, json.loads(lines[number]))).encode()
        return b"\n".join(lines) + b"\n"
    except (ValueError, RecursionError):
        return damaged_bytes(chance, data)


def damage_safetensors(chance: random.Random, data: bytes) -> bytes:
    """Damage the header of the file, and give it its length again."""
    size = struct.unpack_from("<Q", data)[0]
    header = damage_text(chance, data[8 : 8 + size])
    return struct.pack("<Q", len(header)) + header + data[8 + size :]


def replace_by_other_kind(chance: random.Random, path: Path) -> None:
    """Put something that is no file, or an empty or huge one, in the place of a file."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    match chance.randrange(8):
        case 0:
            os.mkfifo(path)
        case 1:
            path.symlink_to(path.name)
        case 2:
            path.mkdir()
        case 3:
            path.symlink_to("/dev/zero")
        case 4:
            with open(path, "wb") as file:
                file.truncate(chance.choice((0, 200_000_000, 1 << 40)))
        case 5:
            path.write_bytes(chance.choice(ODD_BYTES))
        case 6:
            path.symlink_to("nowhere")
        case _:
            pass  # it is missing


def damage_file(chance: random.Random, path: Path) -> None:
    """Damage one file, in a way that fits its kind most of the time."""
    if chance.random() < 0.15:
        replace_by_other_kind(chance, path)
        return
    data = path.read_bytes()
    if path.suffix == ".safetensors" and chance.random() < 0.7:
        damaged = damage_safetensors(chance, data)
    elif path.suffix in (".json", ".jsonl"):
        damaged = damage_text(chance, data)
    else:
        damaged = damaged_bytes(chance, data)
    path.write_bytes(damaged)


def damage_folder(chance: random.Random, folder: Path) -> None:
    """Damage one to three files of a folder."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        files = [path for path in files if path.stat().st_size < 50_000_000]
        if files:
            damage_file(chance, chance.choice(files))
