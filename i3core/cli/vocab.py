from __future__ import annotations

import argparse
import sys

from ..errors import ConfigError, I3Error
from .output import print_json, progress_bar


def vocab(arguments: argparse.Namespace) -> None:
    from ..data.vocabulary import count_source_chunks
    from ..system.files import write_json
    from ..text.chat_template import SPECIAL_ROLES
    from ..text.tokenizer import build_tokenizer

    if arguments.max_vocab is not None and arguments.max_vocab < 8:
        raise ConfigError(f"--max-vocab must be at least 8, not {arguments.max_vocab}.")
    bad: list[I3Error] = []
    with progress_bar(None, "char", "counting", scale=True) as bar:
        counts = count_source_chunks(
            arguments.data, bar.update, on_bad=bad.append if arguments.skip_bad_records else None
        )
    roles = () if arguments.no_special_tokens else SPECIAL_ROLES
    tokenizer = build_tokenizer(counts, arguments.max_vocab, arguments.min_count, roles)
    write_json(arguments.out, tokenizer.to_json(), indent=None)
    if bad:
        print(f"i3core: warning: bad records left out: {len(bad)}, the first: {bad[0]}", file=sys.stderr)
    content = {"vocab_size": tokenizer.vocab_size, "chunks_counted": counts.total(), "out": arguments.out}
    print_json(content) if arguments.json else print(
        f"{arguments.out}: {content['vocab_size']:,} ids from {content['chunks_counted']:,} chunks"
    )
