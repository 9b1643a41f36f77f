from __future__ import annotations

import argparse
import sys
from typing import Any

from ..generation.config import SAMPLING_SETTINGS, SamplingConfig


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Options of SamplingConfig, from the same table as the window's settings."""
    group = parser.add_argument_group("sampling")
    for setting in SAMPLING_SETTINGS:
        default = "random" if setting.default is None else setting.default
        group.add_argument(
            f"--{setting.key.replace('_', '-')}",
            type=int if setting.decimals == 0 else float,
            default=setting.default,
            metavar="N" if setting.decimals == 0 else "X",
            help=f"{setting.tooltip} (default: {default})",
        )
    group.add_argument("--stop", action="append", default=[], metavar="TEXT", help="end the reply before this text")
    group.add_argument("--allow-unk", action="store_true", help="let the model produce <UNK>")


def sampling_config(arguments: argparse.Namespace) -> SamplingConfig:
    values = {setting.key: getattr(arguments, setting.key) for setting in SAMPLING_SETTINGS}
    return SamplingConfig(**values, stop=tuple(arguments.stop), allow_unk=arguments.allow_unk)


def load(arguments: argparse.Namespace) -> Any:
    from ..checkpoints.checkpoint import load as load_model

    model = load_model(arguments.model, arguments.device, arguments.precision)
    for warning in model.warnings:
        print(f"i3core: warning: {warning}", file=sys.stderr)
    return model
