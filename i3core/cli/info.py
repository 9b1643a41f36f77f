"""`i3core info` and `i3core tokenize`: what a model is, and how it sees a text."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from ..checkpoints.summary import summarize
from ..system.device import plain_cpu
from .options import Commands, add_command, add_device, add_heads, add_json, add_model, load, print_warning
from .output import print_json


def add_info(commands: Commands) -> None:
    summary = "show a model's parameters, sizes, device, chat template and licence"
    parser = add_command(commands, "info", info, summary)
    add_model(parser)
    add_heads(parser)
    add_device(parser)
    add_json(parser)


def add_tokenize(commands: Commands) -> None:
    parser = add_command(commands, "tokenize", tokenize, "show the token ids and chunks of a text")
    add_model(parser)
    add_heads(parser)
    add_device(parser)
    add_json(parser)
    parser.add_argument("--text", required=True, help="text to split into chunks")


def info(arguments: argparse.Namespace) -> None:
    """Read the files alone where they and the machine allow it: torch takes more than a second to import."""
    device = plain_cpu(arguments.device, arguments.precision)
    model = summarize(arguments.model, arguments.heads) if device is not None else None
    if model is None or device is None:
        model = load(arguments)
        device = model.device
    else:
        for warning in model.warnings:
            print_warning(warning)
    content: dict[str, Any] = {
        "name": model.name,
        "parameters": model.parameters,
        **dataclasses.asdict(model.config),
        "device": device.describe(),
        "chat_template": model.template.to_json(),
        "licence": model.details.get("license", "not stated"),
        "warnings": list(model.warnings),
    }
    if model.adapter is not None:
        content |= {
            "adapter_of": str(model.adapter.base),
            "lora_rank": model.adapter.rank,
            "lora_alpha": model.adapter.alpha,
        }
    gpu = device.unusable_gpu
    if gpu is not None:
        content["unused_card"] = dataclasses.asdict(gpu)
    if arguments.json:
        print_json(content)
        return
    for key, value in content.items():
        if key not in ("warnings", "unused_card"):
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
            print(f"{key.replace('_', ' '):18} {shown}")
    if gpu is not None:
        print(f"\n{gpu.remedy}\n    {gpu.command}".rstrip())


def tokenize(arguments: argparse.Namespace) -> None:
    """Read the vocabulary alone: neither weights nor torch."""
    from ..checkpoints.template import model_template

    template, _ = model_template(arguments.model)
    ids = template.encode_text(arguments.text)
    chunks = template.tokenizer.pieces(ids)
    if arguments.json:
        print_json({"ids": ids, "chunks": chunks})
    else:
        print(" ".join(map(str, ids)))
        print("|".join(chunks))
