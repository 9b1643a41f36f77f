from __future__ import annotations

import argparse
import dataclasses

from .options import load
from .output import print_json

# ---------------------------------------------------------------------------------------------------- subcommands


def info(arguments: argparse.Namespace) -> None:
    model = load(arguments)
    content = {
        "name": model.name,
        "parameters": model.parameters,
        **dataclasses.asdict(model.config),
        "device": model.device.describe(),
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
    card = model.device.unusable_gpu
    if card is not None:
        content["unused_card"] = dataclasses.asdict(card)
    if arguments.json:
        print_json(content)
        return
    for key, value in content.items():
        if key not in ("warnings", "unused_card"):
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
            print(f"{key.replace('_', ' '):18} {shown}")
    if card is not None:
        print(f"\n{card.remedy}\n    {card.command}".rstrip())


def tokenize(arguments: argparse.Namespace) -> None:
    model = load(arguments)
    ids = model.tokenizer.encode(arguments.text)
    chunks = [model.tokenizer.decode([i]) for i in ids]
    if arguments.json:
        print_json({"ids": ids, "chunks": chunks})
    else:
        print(" ".join(map(str, ids)))
        print("|".join(chunks))
