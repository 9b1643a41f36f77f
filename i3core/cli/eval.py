"""`i3core eval`: figures of a model over held-out text, and the suite of prompts and questions."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..net.dataset_name import HELP
from .output import print_json, progress_bar

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Model


def add_eval(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [options] [MODEL] DATA"
    parser.add_argument("paths", nargs="+", metavar="[MODEL] DATA", help=f"model, and data: a file, folder or {HELP}")
    parser.add_argument("--by-source", action="store_true", help="also for each value of the records' `src`")
    parser.add_argument(
        "--suite",
        action="store_true",
        help="also 80 prompts, simple questions and 20 conversations; DATA is a folder with heldout/ and, to look for "
        "copied replies, train/",
    )
    parser.add_argument(
        "--card", metavar="FILE", help="with --suite: put the figures and conversations into this model card"
    )


def evaluate(arguments: argparse.Namespace) -> None:
    from .options import load

    if len(arguments.paths) > 2:
        raise ConfigError("eval takes a model and one source of data.", "Quote names that hold spaces.")
    if arguments.card and not arguments.suite:
        raise ConfigError("--card is for the figures of the suite.", "Give --suite too, or leave --card out.")
    if arguments.suite and arguments.by_source:
        raise ConfigError("The suite tells sources apart anyway.", "Leave --by-source out.")
    *named, data = arguments.paths
    arguments.model = named[0] if named else None
    model = load(arguments)
    (_suite if arguments.suite else _held_out)(arguments, model, data)


def _suite(arguments: argparse.Namespace, model: Model, data: str) -> None:
    from ..evaluation.report import as_text, check_card, write_card
    from ..evaluation.suite import run_suite

    if arguments.card:
        check_card(arguments.card)  # before the minutes that the suite takes
    report = run_suite(model, data, lambda what: print(f"{what} ...", file=sys.stderr, flush=True))
    if arguments.card:
        write_card(arguments.card, report)
    if arguments.json:
        print_json(dataclasses.asdict(report))
    else:
        print(as_text(report))


def _held_out(arguments: argparse.Namespace, model: Model, data: str) -> None:
    from ..data.documents import read_documents
    from ..data.hub_dataset import fetch_datasets
    from ..evaluation.perplexity import evaluate_by_source, evaluate_documents

    with progress_bar(None, "char", "getting", scale=True) as bar:
        fetch_datasets([data], bar.update)
    documents = list(read_documents(data, vocab_size=model.tokenizer.vocab_size))
    measured = model.network, model.template, model.device, documents
    with progress_bar(len(documents), "document", "evaluating") as bar:
        if arguments.by_source:
            rows = evaluate_by_source(*measured, bar.update)
        else:
            rows = {"all": evaluate_documents(*measured, bar.update)}
    content = {name: dataclasses.asdict(row) for name, row in rows.items()}
    if arguments.json:
        whole = content.pop("all")
        print_json({**whole, "sources": content} if arguments.by_source else whole)
        return
    print(f"{'':24} {'bits/char':>9} {'perplexity':>10} {'loss':>7} {'tokens':>9} {'characters':>10} {'<UNK>':>6}")
    for name, row in rows.items():
        print(
            f"{name:24} {row.bits_per_character:9.4f} {row.perplexity:10.2f} {row.loss:7.4f} "
            f"{row.tokens:9,} {row.characters:10,} {row.unknown:6,}"
        )
