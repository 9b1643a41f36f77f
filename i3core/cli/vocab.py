"""`i3core vocab`: a vocabulary built from text."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError, I3Error
from ..net.dataset_name import HELP
from .options import Commands, add_command, add_json, add_reading, print_warning, reading
from .output import print_json, progress_bar

BPE_SIZE = 32_000  # of i3-200M


def add_vocab(commands: Commands) -> None:
    parser = add_command(commands, "vocab", vocab, "build a vocabulary from text")
    add_json(parser)
    add_reading(parser)
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="PATH", help=f"files, folders or {HELP}")
    add("--skip-bad-records", action="store_true", help="leave out records that cannot be read")
    add("--out", required=True, metavar="FILE", help="tokenizer.json to write")
    add("--overwrite", action="store_true", help="replace the file if it exists")
    add(
        "--kind", choices=("chunk", "bpe"), default="chunk",
        help="chunks of one to three lower-case characters, or byte-level BPE, which keeps case and all of Unicode "
        "(default: chunk)",
    )  # fmt: skip
    add("--max-vocab", type=int, metavar="N", help=f"largest number of ids (default: no limit; {BPE_SIZE:,} for bpe)")
    add("--min-count", type=int, default=1, metavar="N", help="drop chunks that occur less often (default: 1)")
    add("--equal-cuts", action="store_true", help="leave out chunks that cut a word unlike elsewhere (eases copying)")
    add("--system-token", action="store_true", help="add a token for system prompts to the chat's special tokens")
    add("--no-special-tokens", action="store_true", help="leave out the chat's user, assistant and end tokens")


def vocab(arguments: argparse.Namespace) -> None:
    from ..data.vocabulary import bpe_vocabulary, count_source_chunks
    from ..system.files import write_json
    from ..text.chat_template import SPECIAL_ROLES
    from ..text.tokenizer import build_tokenizer, equal_cuts

    if Path(arguments.out).exists() and not arguments.overwrite:
        raise ConfigError(f"{arguments.out} exists already.", "Name a new file, or add --overwrite to replace it.")
    if arguments.max_vocab is not None and arguments.max_vocab < 8:
        raise ConfigError(f"--max-vocab must be at least 8, not {arguments.max_vocab}.")
    if arguments.kind == "bpe" and arguments.equal_cuts:
        raise ConfigError("--equal-cuts is about chunks; BPE has none.", "Leave it out.")
    bad: list[I3Error] = []
    on_bad = bad.append if arguments.skip_bad_records else None
    roles = () if arguments.no_special_tokens else SPECIAL_ROLES + ("system",) * arguments.system_token
    given = {"on_bad": on_bad, "reading": reading(arguments)}
    with progress_bar(None, "char", "counting", scale=True) as bar:
        if arguments.kind == "bpe":
            size = arguments.max_vocab or BPE_SIZE
            tokenizer, total = bpe_vocabulary(arguments.data, size, roles, arguments.min_count, bar.update, **given)
        else:
            counts = count_source_chunks(arguments.data, bar.update, **given)
            counts = equal_cuts(counts) if arguments.equal_cuts else counts
            tokenizer = build_tokenizer(counts, arguments.max_vocab, arguments.min_count, roles)
            total = counts.total()
    write_json(arguments.out, tokenizer.to_json(), indent=None)
    if bad:
        print_warning(f"bad records left out: {len(bad)}, the first: {bad[0]}")
    size = tokenizer.vocab_size
    counted = "chunks" if arguments.kind == "chunk" else "characters"
    if arguments.json:
        print_json({"vocab_size": size, f"{counted}_counted": total, "out": arguments.out})
    else:
        print(f"{arguments.out}: {size:,} ids from {total:,} {counted}")
