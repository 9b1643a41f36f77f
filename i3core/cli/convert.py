"""`i3core convert`: a model in another layout or precision."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..system.humanize import size_text
from .options import Commands, add_command, add_heads, add_json
from .output import print_json

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Model


def add_convert(commands: Commands) -> None:
    summary = "copy a model into another layout or precision, with its adapter merged"
    parser = add_command(commands, "convert", convert, summary)
    add_json(parser)
    parser.add_argument("source", metavar="SRC", help="model or adapter folder, or name")
    parser.add_argument("target", metavar="DST", help="folder to write: a new or an empty one")
    parser.add_argument("--overwrite", action="store_true", help="replace the model in a folder that holds other files")
    parser.add_argument(
        "--to", choices=("safetensors", "public", "transformers", "onnx"), default="safetensors",
        help="layout (default: %(default)s); transformers: for trust_remote_code; onnx: one decoding step as a graph",
    )  # fmt: skip
    parser.add_argument(
        "--dtype", choices=("float32", "float16", "bfloat16"), default="float32",
        help="precision of the weights (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--base", metavar="FOLDER", help="the adapter's base model, if it was moved")
    add_heads(parser)
    parser.add_argument("--license", metavar="NAME", help="licence to write into config.json, such as Apache-2.0")
    parser.add_argument(
        "--replay", metavar="FILE",
        help="conversations to copy beside the model, which fine-tuning replays so that they are not forgotten",
    )  # fmt: skip


def _replayed(model: Model, given: str | None) -> Path | None:
    """The file of conversations to copy: the one that is given, or the one beside the model."""
    from ..data.readers import file_type
    from ..training.replay import KEY

    if given is not None:
        path = Path(given)
        if not path.is_file() or not file_type(path):
            raise ConfigError(f"{given} is not a file of conversations.", "Name one that i3core train reads.")
        return path
    named = model.details.get(KEY)
    beside = None if model.folder is None or not isinstance(named, str) else model.folder / Path(named).name
    return beside if beside is not None and beside.is_file() else None


def convert(arguments: argparse.Namespace) -> None:
    import torch

    from ..checkpoints.adapter_config import CONFIG_FILE, WEIGHT_FILE
    from ..checkpoints.checkpoint import find_model, save
    from ..checkpoints.checkpoint import load as load_model
    from ..checkpoints.checksums import write_checksums
    from ..checkpoints.weights import INDEX_FILES, WEIGHT_FILES
    from ..system.files import filled
    from ..training.replay import KEY

    if arguments.to == "onnx" and arguments.dtype != "float32":
        raise ConfigError("A graph for ONNX computes in float32.", f"Leave --dtype {arguments.dtype} out.")
    target = Path(arguments.target).resolve()
    if target == find_model(arguments.source).resolve():
        raise ConfigError("Source and target are the same folder.", "Name another folder to write to.")
    model = load_model(arguments.source, "cpu", "float32", base=arguments.base, heads=arguments.heads)
    if model.adapter is not None and target == model.adapter.base:
        raise ConfigError("The target is the adapter's base model.", "Name another folder to write to.")
    for key in ("name", "step"):  # the copy is named by its folder, and is no longer a checkpoint of a run
        model.details.pop(key, None)
    replay = _replayed(model, arguments.replay)
    if replay is not None:
        model.details[KEY] = replay.name
    if arguments.license:
        model.details["license"] = arguments.license
    dtype = getattr(torch, arguments.dtype)
    with filled(target, arguments.overwrite, (*WEIGHT_FILES, *INDEX_FILES, CONFIG_FILE, WEIGHT_FILE)) as folder:
        if arguments.to == "transformers":
            from ..hf.export import save_for_transformers

            save_for_transformers(model, folder, dtype)
        elif arguments.to == "onnx":
            from ..onnx.export import save_onnx

            save_onnx(model, folder)
        else:
            save(model, folder, arguments.to, dtype)
        if replay is not None and arguments.to != "onnx":
            shutil.copyfile(replay, folder / replay.name)
        write_checksums(folder)
        size = sum(path.stat().st_size for path in folder.iterdir())
    if arguments.json:
        print_json({"out": arguments.target, "layout": arguments.to, "dtype": arguments.dtype, "bytes": size})
    else:
        print(f"{arguments.target}: {size_text(size)}, {arguments.dtype}")
