"""How exactly a model repeats what it was told: names and words that the curriculum never uses, by kind and distance.

    python assets/models/i3-mini/recipe/recall.py MODEL [MODEL ...] [--items FILE] [--each 3]

Run from the top of the project. Every question tells one thing, talks of others for 0 to 5 exchanges, and asks for it;
only the last reply is generated, at temperature 0, and must hold the word. `--items` keeps the questions in a file,
or reads them from it if it is there, so that models are compared on the same ones when the curriculum has changed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from curriculum.core import Exchange, Writer, read_table
from curriculum.told import Told, tell, told

import i3core

DISTANCES = range(6)  # exchanges between telling and asking
SEED = 777
KINDS = {  # what is told, and the words of held_out.toml that are put in; "" for drawn ones, which occur elsewhere
    "name": ("name", "names"), "name, seen": ("name", ""), "pet": ("pet", "names"), "relative": ("relative", "names"),
    "word": ("secret", "words"), "number": ("code", ""), "job": ("job", "jobs"), "home": ("home", "cities"),
    "thing's name": ("named", "words"), "place of a thing": ("thing", ""), "color": ("color", ""), "plan": ("plan", ""),
}  # fmt: skip
OTHER_TALK: list[Exchange] = [
    ("how are you?", "i am fine, thank you."),
    ("what can you do?", "i can chat, tell little stories and do small sums."),
    ("it is raining today", "then it is a good day to stay inside."),
    ("it is sunny", "how nice. enjoy the sunshine."), ("i slept badly", "i am sorry. maybe you can rest a little."),
    ("tell me something", "an octopus has three hearts."), ("ok", "good. what shall we talk about?"),
    ("thank you", "you are welcome."), ("nice", "i think so, too."), ("what color is the sky?", "the sky is blue."),
    ("what is two plus two?", "two plus two is four."),
    ("do you like music?", "i can not hear it, but i like to talk about it."), ("hm", "take your time."),
    ("what is the capital of france?", "the capital of france is paris."), ("i am hungry", "then it is time to eat."),
    ("are you a person?", "no, i am a small language model on your computer."), ("haha", "i am glad that you laugh."),
    ("how many legs has a spider?", "a spider has eight legs."),
    ("i had a long day", "then i hope you can rest now."),
    ("what is the opposite of hot?", "the opposite of hot is cold."),
    ("what comes after friday?", "after friday comes saturday."), ("that is good", "i am glad."),
    ("what do bees make?", "bees make honey."), ("i am bored", "shall we play a game of words?"),
]  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One question: a conversation that ends with it, and the word that the reply must hold."""

    kind: str
    distance: int
    messages: list[dict[str, str]]
    wanted: str


def wanted_words(fact: Told) -> str:
    """What must be repeated, as i3-mini says it."""
    return fact.slots.get("y") or fact.slots["v"]


def item(w: Writer, kind: str, distance: int) -> Item:
    """One question of a kind."""
    name, line = KINDS[kind]
    fact = told(w, name, w.pick(read_table("held_out")[line]) if line else "")
    exchanges = [tell(w, fact), *w.some(OTHER_TALK, distance)]
    messages = []
    for user, reply in exchanges:
        messages += [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
    messages.append({"role": "user", "content": w.user(fact.kind["ask"], **fact.slots)})
    return Item(kind, distance, messages, wanted_words(fact))


def items(each: int) -> list[Item]:
    """So many questions of each kind at each distance, always the same."""
    w = Writer(SEED)
    return [item(w, kind, distance) for kind in KINDS for distance in DISTANCES for _ in range(each)]


def kept_items(file: Path | None, each: int) -> list[Item]:
    """The questions of a file, which is written if it is not there."""
    if file and file.exists():
        return [Item(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    made = items(each)
    if file:
        file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in made), encoding="utf-8")
    return made


def holds(reply: str, wanted: str) -> bool:
    """Whether the reply holds the word as a whole word."""
    return re.search(rf"(?<![a-z0-9]){re.escape(wanted.lower())}(?![a-z0-9])", reply.lower()) is not None


def share(hits: Counter, asked: Counter, keys: Iterable[object]) -> str:
    """Per cent by key."""
    return "  ".join(f"{key} {100 * hits[key] / asked[key]:.0f}" for key in keys if asked[key])


def measure(path: str, questions: list[Item], show: int) -> None:
    """Prints the recall of one model."""
    model = i3core.load(path)
    sampling = i3core.SamplingConfig(temperature=0.0, seed=1, max_new_tokens=48)
    asked: Counter = Counter()
    hits: Counter = Counter()
    wrong: list[tuple[str, str]] = []
    for question in questions:
        reply = "".join(piece.text for piece in i3core.generate(model, question.messages, sampling))
        right = holds(reply, question.wanted)
        for key in (question.kind, question.distance, "all"):
            asked[key] += 1
            hits[key] += right
        if not right:
            wrong.append((question.wanted, reply.strip()))
    print(f"{path}: {100 * hits['all'] / asked['all']:.1f} % of {asked['all']} recalled")
    print(f"    by kind: {share(hits, asked, dict.fromkeys(question.kind for question in questions))}")
    print(f"    by exchanges between: {share(hits, asked, DISTANCES)}", flush=True)
    for wanted, reply in wrong[:: max(1, len(wrong) // show) if show else len(wrong) + 1][:show]:
        print(f"    wanted {wanted!r}, got {reply!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Recall of words that the curriculum never uses.")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a model folder, or i3-mini")
    parser.add_argument("--items", type=Path, help="file of the questions (.jsonl); written if it is not there")
    parser.add_argument("--each", type=int, default=3, help="questions of a kind at a distance (default 3)")
    parser.add_argument("--show", type=int, default=8, help="wrong replies to print (default 8)")
    given = parser.parse_args()
    questions = kept_items(given.items, given.each)
    for path in given.models:
        try:
            measure(path, questions, given.show)
        except i3core.I3Error as error:
            parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
