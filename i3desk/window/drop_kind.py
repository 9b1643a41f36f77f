"""The kind of a file or folder that was dropped on the window."""

from __future__ import annotations

import enum
import os
import re
from pathlib import Path

from i3core.checkpoints.weights import is_weight_file
from i3core.data import gpt4all
from i3core.system.files import open_file
from i3desk.language import tr

DATA_SUFFIXES = (
    ".txt", ".md", ".docx", ".pdf", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".chat", ".xz", ".gz",
)  # fmt: skip
_MODEL_FILES = {"config.json", "tokenizer.json", "adapter_config.json"}
_OUR_MARK = re.compile(rb'"i3desk_conversation"')  # near the start of an exported chat
_ONE_CHAT = re.compile(rb'\s*(\{[^\[]*"messages"\s*:|\[\s*\{\s*"role"\s*:)')  # in a file that is one JSON value
# Exports of ChatGPT, Claude, LM Studio, Open WebUI and SillyTavern.
_OTHER_MARK = re.compile(rb'"(mapping|chat_messages|currentlySelected|chat_metadata)"\s*:|"chat"\s*:\s*\{')
_LOOKED_AT_BYTES = 4096


class Dropped(enum.Enum):
    """Kinds of dropped files and folders."""

    CHAT = tr("an exported chat, to be imported")
    DATA = tr("text to train on")
    MODEL = tr("a model folder")


def _is_of_model(name: str) -> bool:
    return name in _MODEL_FILES or is_weight_file(name)


def kind_of(path: Path) -> Dropped:
    """Tell the kind from names and, for JSON, from the first bytes.

    Anything unknown counts as a model: the Models page says what is wrong with it.
    """
    if os.path.isdir(path):  # unlike Path.is_dir, never raises, whatever the name and the permissions
        try:
            names = {entry.name for entry in path.iterdir()}
        except OSError:
            return Dropped.MODEL
        holds_data = any(name.lower().endswith(DATA_SUFFIXES) for name in names)
        is_model = any(map(_is_of_model, names)) or "run.json" in names or path.suffix == ".partial"
        return Dropped.DATA if holds_data and not is_model else Dropped.MODEL
    name = path.name.lower()
    if _is_of_model(name) or not name.endswith(DATA_SUFFIXES):
        return Dropped.MODEL
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would never answer
        return Dropped.MODEL
    if name.endswith(gpt4all.SUFFIX):
        return Dropped.CHAT
    if name.endswith((".json", ".jsonl")):
        try:
            with open_file(path) as content:
                beginning = content.read(_LOOKED_AT_BYTES)
        except OSError:
            return Dropped.DATA  # the reader reports the error
        if (
            _OUR_MARK.search(beginning)
            or _OTHER_MARK.search(beginning)
            or (name.endswith(".json") and _ONE_CHAT.match(beginning))
        ):
            return Dropped.CHAT
    return Dropped.DATA
