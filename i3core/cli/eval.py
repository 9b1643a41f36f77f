"""`i3core eval`: perplexity of a model on held-out text, and the suite of prompts and questions."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..net.dataset_name import HELP
from .options import Commands, add_command, add_device, add_heads, add_json, add_reading, load, reading
from .output import print_json, progress_bar

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Model


def add_eval(commands: Commands) -> None:
    parser = add_command(
        commands, "eval", evaluate, "measure how well a model predicts held-out text, and how well it talks",
        usage="%(prog)s [options] [MODEL] DATA",
    )  # fmt: skip
    parser.add_argument("paths", nargs="+", metavar="[MODEL] DATA", help=f"model, and data: a file, folder or {HELP}")
    add_heads(parser)
    add_device(parser)
    add_reading(parser)
    add_json(parser)
    parser.add_argument("--by-source", action="store_true", help="also for each value of the records' `src`")
    parser.add_argument(
        "--suite", action="store_true",
        help="also measure skills by 343 prompts, and answer 80 others, simple questions and 40 conversations; "
        "DATA is then a folder with heldout/ and, "
        "to find copied replies, train/",
    )  # fmt: skip
    parser.add_argument(
        "--card", metavar="FILE", help="with --suite: write the figures and conversations into this model card"
    )


def evaluate(arguments: argparse.Namespace) -> None:
    if len(arguments.paths) > 2:
        raise ConfigError("eval takes a model and one source of data.", "Quote names that contain spaces.")
    if arguments.card and not arguments.suite:
        raise ConfigError("--card is for the figures of the suite.", "Add --suite, or leave --card out.")
    if arguments.suite and arguments.by_source:
        raise ConfigError("The suite always reports each source.", "Leave --by-source out.")
    *named, data = arguments.paths
    arguments.model = named[0] if named else None
    model = load(arguments)
    if arguments.suite:
        _run_suite(arguments, model, data)
    else:
        _measure_perplexity(arguments, model, data)


def _run_suite(arguments: argparse.Namespace, model: Model, data: str) -> None:
    from ..evaluation.report import as_text, check_card, write_card
    from ..evaluation.suite import run_suite

    if arguments.card:
        check_card(arguments.card)  # before the minutes that the suite takes
    report = run_suite(model, data, lambda part: print(f"{part} ...", file=sys.stderr, flush=True))
    if arguments.card:
        write_card(arguments.card, report)
    if arguments.json:
        print_json(dataclasses.asdict(report))
    else:
        print(as_text(report))


def _measure_perplexity(arguments: argparse.Namespace, model: Model, data: str) -> None:
    from ..data.documents import read_documents
    from ..data.hub_dataset import fetch_datasets
    from ..evaluation.perplexity import evaluate_by_source, evaluate_documents

    how = reading(arguments)
    with progress_bar(None, "char", "downloading", scale=True) as bar:
        fetch_datasets([how.located(data)], bar.update)
    documents = list(read_documents(data, vocab_size=model.tokenizer.vocab_size, reading=how))
    measured = model.network, model.template, model.device, documents
    with progress_bar(len(documents), "document", "evaluating") as bar:
        if arguments.by_source:
            rows = evaluate_by_source(*measured, bar.update)
        else:
            rows = {"all": evaluate_documents(*measured, bar.update)}
    if arguments.json:
        content = {name: dataclasses.asdict(row) for name, row in rows.items()}
        whole = content.pop("all")
        print_json({**whole, "sources": content} if arguments.by_source else whole)
        return
    print(f"{'':24} {'bits/char':>9} {'perplexity':>10} {'loss':>7} {'tokens':>9} {'characters':>10} {'<UNK>':>6}")
    for name, row in rows.items():
        print(
            f"{name:24} {row.bits_per_character:9.4f} {row.perplexity:10.2f} {row.loss:7.4f} "
            f"{row.tokens:9,} {row.characters:10,} {row.unknown:6,}"
        )
