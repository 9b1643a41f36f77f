"""Check that memory is bounded and a second start is quick: generate text, build a vocabulary, tokenise.

    python tests/long/gigabyte.py [--megabytes 1000] [--folder F]

Each command runs as a process of its own. Exits 1 if one of its processes needed more than 500 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[2]
ALLOWED_MB = 500
SYLLABLES = [
    "ka", "lo", "mi", "the", "ing", "ter", "sha", "vo", "en", "ra", "qui", "st", "be", "no", "é", "ñu", "ß", "да", "не",
    "ми", "中", "文", "x'", "7", "42",
]  # fmt: skip
TOKENIZE = """
import sys
from i3core.data.token_dataset import tokenize_source
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer
rows = tokenize_source(sys.argv[1], ChatTemplate.for_model(ChunkTokenizer.from_file(sys.argv[2])), 256)
print(f"{len(rows):,} rows, {rows.tokens:,} tokens, {rows.report.records:,} records, {rows.report.unknown:,} <UNK>")
for start in range(0, len(rows), 97):  # as training reads them: here and there, all over the file
    rows.sequence(start)
"""


def texts(source: random.Random) -> Iterator[str]:
    """Infinite texts of common words; one word in twenty is unique."""
    common = ["".join(source.choices(SYLLABLES, k=source.randint(1, 4))) for _ in range(60_000)]
    while True:
        words = source.choices(common, k=source.randint(5, 300))
        for place in range(0, len(words), 20):
            words[place] = "".join(source.choices(SYLLABLES, k=8))
        yield " ".join(words)


def write_corpus(folder: Path, size: int) -> int:
    """Write a file of each type and one without line ends, together about `size` bytes."""
    source = random.Random(0)
    stream = texts(source)

    def conversation() -> str:
        turns = [{"role": role, "content": next(stream)} for role in ("user", "assistant")]
        return json.dumps({"messages": turns}) + "\n"

    kinds = {
        "plain.txt": lambda: next(stream) + "\n\n",
        "endless.txt": lambda: next(stream) + " ",
        "notes.md": lambda: f"# {source.random()}\n{next(stream)}\n",
        "chat.jsonl": conversation,
        "pairs.csv": lambda: f'"{next(stream)}","{next(stream)}"\n',
        "list.json": lambda: json.dumps({"text": next(stream)}, ensure_ascii=False) + ",\n",
    }
    total = 0
    for name, make in kinds.items():
        with open(folder / name, "w", encoding="utf-8") as target:
            target.write("[" if name == "list.json" else "")
            while target.tell() < size // len(kinds):
                target.write("".join(make() for _ in range(1000)))
            target.write('{"text": "the end"}]\n' if name == "list.json" else "")
            total += target.tell()
    return total


def measure(name: str, command: list[str], size: int, cache: Path) -> float:
    """Run a command, print its time and memory, return the largest peak of its processes in MB."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "I3DESK_CACHE": str(cache)}
    start = time.perf_counter()
    child = subprocess.Popen(command, env=environment)
    peaks: dict[int, float] = {}
    together = 0.0
    watched = psutil.Process(child.pid)
    while child.poll() is None:
        now = {}
        try:
            for process in [watched, *watched.children(recursive=True)]:
                now[process.pid] = process.memory_info().rss / 1e6
        except psutil.Error:
            pass  # ended meanwhile
        peaks |= {pid: max(peaks.get(pid, 0), size) for pid, size in now.items()}
        together = max(together, sum(now.values()))
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    if child.returncode:
        sys.exit(f"{name} failed with status {child.returncode}")
    peak = max(peaks.values())
    print(
        f"{name:32} {seconds:8.1f} s {size / 1e6 / seconds:8.1f} MB/s   peak {peak:4.0f} MB"
        f" (all {len(peaks)} processes together {together:4.0f} MB)",
        flush=True,
    )
    return peak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--folder", help="where to put the temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        data, cache, vocabulary = Path(folder, "data"), Path(folder, "cache"), Path(folder, "tokenizer.json")
        data.mkdir()
        size = write_corpus(data, arguments.megabytes * 10**6)
        print(f"{size / 1e6:,.0f} MB of text")
        python = sys.executable
        count = [python, "-m", "i3core", "vocab", "--data", str(data), "--out", str(vocabulary), "--max-vocab", "8000"]
        encode = [python, "-c", TOKENIZE, str(data), str(vocabulary)]
        runs = {
            "vocabulary": count,
            "vocabulary, second start": count,
            "tokens": encode,
            "tokens, second start": encode,
        }
        peak = max([measure(name, command, size, cache) for name, command in runs.items()])
    print(f"largest peak {peak:.0f} MB, allowed {ALLOWED_MB} MB")
    return int(peak > ALLOWED_MB)


if __name__ == "__main__":
    sys.exit(main())
