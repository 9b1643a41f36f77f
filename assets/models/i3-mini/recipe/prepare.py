"""Splits the training data by source, so that the recipe can weight each source.

    python prepare.py DATA OUT

DATA holds train/ and heldout/ with chat.jsonl.xz and text.jsonl.xz, records with a `src`. OUT receives one .jsonl for
each source, self_dialogue_swapped.jsonl: the same conversations seen from the other speaker, personality_chosen.jsonl:
those of personality_friendly that leave to the curriculum what i3-mini is called and likes, and heldout.jsonl: all that
is held out, mixed, so that a part of it stands for the whole.
"""

from __future__ import annotations

import json
import lzma
import random
import re
import sys
from pathlib import Path

OF_ITSELF = re.compile(r"\b(like|love|enjoy|favou?rite|prefer|names?|called|old|age)\b", re.IGNORECASE)
ASKED = re.compile(r"\b(you\w*|ur|u)\b", re.IGNORECASE)
SHORTEST_REPLY = 3  # words; "okay." says nothing


def chosen(messages: list[dict]) -> bool:
    """Whether an exchange takes up what was said, and does not ask i3-mini about its name, age or likes."""
    asked, reply = messages[0]["content"], messages[1]["content"]
    return len(reply.split()) >= SHORTEST_REPLY and not (OF_ITSELF.search(asked) and ASKED.search(asked))


def swapped(messages: list[dict]) -> list[dict]:
    """The conversation with roles exchanged, from the first user turn to the last assistant turn."""
    other = {"user": "assistant", "assistant": "user"}
    turns = [{"role": other[m["role"]], "content": m["content"]} for m in messages]
    while turns and turns[0]["role"] != "user":
        turns.pop(0)
    while turns and turns[-1]["role"] != "assistant":
        turns.pop()
    return turns


def main(data: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    files: dict[str, object] = {}

    def write(name: str, record: dict) -> None:
        if name not in files:
            files[name] = open(out / f"{name}.jsonl", "w", encoding="utf-8")  # noqa: SIM115
        files[name].write(json.dumps(record, ensure_ascii=False) + "\n")

    for kind in ("chat", "text"):
        with lzma.open(data / "train" / f"{kind}.jsonl.xz", "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                write(record["src"], record)
                if record["src"] == "personality_friendly" and chosen(record["messages"]):
                    write("personality_chosen", record)
                if record["src"] == "self_dialogue" and (turns := swapped(record["messages"])):
                    write("self_dialogue_swapped", {"messages": turns, "src": record["src"]})
    for file in files.values():
        file.close()

    heldout = []
    for kind in ("chat", "text"):
        with lzma.open(data / "heldout" / f"{kind}.jsonl.xz", "rt", encoding="utf-8") as lines:
            heldout += lines.readlines()
    random.Random(0).shuffle(heldout)
    (out / "heldout.jsonl").write_text("".join(heldout), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
