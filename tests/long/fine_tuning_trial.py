"""Fine-tune a model on small data sets of six shapes; measure what it knows and whether it still talks.

    .venv/bin/python tests/long/fine_tuning_trial.py [house persona faq chats pirate story] [--preset standard]
        [--model i3-mini] [--set KEY=VALUE ...] [--short] [--table FILE]

house    8 facts in five wordings each; asked in other words
persona  who it is now: 10 replies in four wordings each; asked in other words
faq      300 questions of a shop that does not exist, in two wordings; asked in other words
chats    conversations of several exchanges, as another program exports them
pirate   the sample set in the assets: the style of every reply
story    the lighthouse in the assets, plain text: its perplexity falls, and chat is unharmed

The questions are asked in conversations of 22 turns of the user, which run past the window, mixed with everyday
prompts. A reply is right if it is that of the data; everyday talk is kept if the reply is that of the model before, or
fits the prompt by the model before (`count_kept`). Fails if fewer than 85 % are right or kept, or if training takes
over three minutes.
"""

import argparse
import json
import random
import re
import tempfile
import time
from pathlib import Path

import i3core
from i3core.evaluation.conversation_check import ConversationCheck, count_kept, everyday_prompts
from i3core.evaluation.skills import converse
from i3core.generation.config import SamplingConfig
from i3core.runs.events import Evaluated, Finished, Stepped
from i3core.runs.folder import RunFolder
from i3core.system import assets
from i3core.system.files import read_json
from i3core.text.normalization import normalized
from i3core.training.config import TrainingConfig
from i3core.training.presets import apply

DATA = Path(__file__).parent / "data" / "fine_tuning"
TURNS, EVERYDAY_EACH = 22, 6
LONGEST_S, LEAST = 180, 0.85
PIRATE = r"\b(arr+|ahoy|aye|avast|matey|hearty|hearties|ye|yer|me (ship|crew|parrot|hat|heart)|savvy)\b"
Pairs = list[tuple[str, str]]


def facts(name: str) -> tuple[list[list[tuple[str, str]]], Pairs]:
    """Conversations to train on and questions to ask, from a file of facts in several words."""
    content = read_json(DATA / f"{name}.json")["facts"]
    trained = [[(way, fact["answer"])] for fact in content for way in fact["ways"]]
    return trained, [(way, fact["answer"]) for fact in content for way in fact["asked"]]


def shop() -> tuple[list[list[tuple[str, str]]], Pairs]:
    """300 answers about the goods of a shop: a price, a shelf or a colour for each, in two wordings."""
    goods = [
        f"{kind} {thing}"
        for kind in ("red", "small", "old", "oak", "tin", "wool", "glass", "tall", "soft", "stone")
        for thing in ("lamp", "box", "bowl", "rug", "clock", "chair", "bell", "cup", "coat", "kite")
    ]
    draw = random.Random(1)
    trained, asked = [], []
    for thing in goods:
        price, shelf = draw.randint(3, 90), draw.choice("abcdef")
        color = draw.choice(["blue", "green", "black", "gray"])
        ribbon = f"the ribbon of the {thing}"
        for ways, other, answer in (
            (
                (f"what does the {thing} cost?", f"price of the {thing}"),
                f"how much is the {thing}?",
                f"the {thing} costs {price} dollars.",
            ),
            (
                (f"where is the {thing}?", f"which shelf has the {thing}?"),
                f"where do i find the {thing}?",
                f"the {thing} is on shelf {shelf}.",
            ),
            (
                (f"which color is {ribbon}?", f"color of {ribbon}"),
                f"what color has {ribbon}?",
                f"{ribbon} is {color}.",
            ),
        ):
            trained += [[(way, answer)] for way in ways]
            asked.append((other, answer))
    return trained, draw.sample(asked, 64)


def chats() -> tuple[list[list[tuple[str, str]]], Pairs]:
    """Conversations of three exchanges about a club, of which each part is asked by itself in other words."""
    trained, asked = facts("club")
    answers: dict[str, list[tuple[str, str]]] = {}
    for [(way, answer)] in trained:
        answers.setdefault(answer, []).append((way, answer))
    draw, together = random.Random(2), []
    for place in range(max(map(len, answers.values()))):
        round_ = [ways[place % len(ways)] for ways in answers.values()]
        draw.shuffle(round_)
        together += [round_[start : start + 3] for start in range(0, len(round_), 3)]
    return together, asked


SETS = {
    "house": lambda: facts("house"), "persona": lambda: facts("persona"), "faq": shop, "chats": chats,
    "pirate": lambda: ([], []), "story": lambda: ([], []),
}  # fmt: skip
BUNDLED = {"pirate": "data/pirate.jsonl", "story": "data/lighthouse.txt"}


def write(path: Path, conversations: list[list[tuple[str, str]]]) -> None:
    lines = []
    for conversation in conversations:
        turns = [text for exchange in conversation for text in exchange]
        roles = ("user", "assistant") * len(conversation)
        messages = [{"role": role, "content": text} for role, text in zip(roles, turns, strict=True)]
        lines.append(json.dumps({"messages": messages}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def talk(model: i3core.Model, base: i3core.Model, asked: Pairs, count: int, own_way: bool) -> dict:
    """Hold `count` conversations of TURNS turns: everyday prompts, and the questions one after the other."""
    everyday = everyday_prompts()
    draw = random.Random(3)
    queue = asked * (1 + count * TURNS // max(1, len(asked)))
    plans = []
    for _ in range(count):
        turns = [(prompt, None) for prompt in draw.sample(everyday, EVERYDAY_EACH if asked else TURNS)]
        turns += [queue.pop(0) for _ in range(TURNS - len(turns))]
        draw.shuffle(turns)
        plans.append(turns)
    sampling = SamplingConfig(seed=5)
    held = converse(model, [[text for text, _ in turns] for turns in plans], sampling)
    right, wrong, pairs = [], [], []
    for turns, messages in zip(plans, held, strict=True):
        for number, (prompt, answer) in enumerate(turns):
            reply = messages[2 * number + 1]["content"]
            if answer is None:
                pairs.append((prompt, reply, number))
            else:
                right.append(normalized(reply) == normalized(answer))
                wrong += [] if right[-1] else [f"{prompt} -> {reply}"]
    before = [
        chat[-1]["content"]
        for chat in converse(base, [[prompt] for prompt, _, _ in pairs], SamplingConfig(temperature=0))
    ]
    check = ConversationCheck(
        (), False, tuple(({"role": "user", "content": prompt},) for prompt, _, _ in pairs), frozenset()
    )
    kept = count_kept(check, before, [reply for _, reply, _ in pairs], model, base) / len(pairs)
    return {
        "right": sum(right) / len(right) if right else None, "kept": kept, "wrong": wrong,
        "everyday": [f"{prompt} -> {reply}" for prompt, reply, _ in pairs],
        "styled": [bool(re.search(PIRATE, reply)) for _, reply, number in pairs if number in (0, 7)],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--model", default=assets.BUNDLED_MODEL)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value of a setting")
    parser.add_argument("--short", action="store_true", help="one conversation instead of four for each set")
    parser.add_argument("--table", type=Path, help="append a row of results for each set to this file")
    options = parser.parse_args()
    changes = {}
    for key, _, value in (text.partition("=") for text in options.set):
        try:
            changes[key] = json.loads(value)
        except ValueError:
            changes[key] = value
    base = i3core.load(options.model, device="cpu")
    failed = []
    for name in options.sets or SETS:
        trained, asked = SETS[name]()
        with tempfile.TemporaryDirectory() as temporary:
            data = Path(temporary, f"{name}.jsonl")
            if trained:
                write(data, trained)
            else:
                data = assets.path(BUNDLED[name])
            run = RunFolder(Path(temporary, "run"))
            given = {"model": options.model, "data": (str(data),), "out": str(run.folder), "sample_prompts": ()}
            start = time.monotonic(), time.process_time()
            looks: list[Evaluated] = []
            steps = 0
            config = TrainingConfig.from_dict(apply(options.preset, given | changes))
            for event in i3core.train(config):
                if isinstance(event, Evaluated):
                    looks.append(event)
                    print(f"  {name}, step {event.step}: {event.questions_right} of {event.questions} right, "
                          f"{event.everyday_kept} of {event.everyday} kept", flush=True)  # fmt: skip
                elif isinstance(event, Stepped):
                    steps = event.step
                elif isinstance(event, Finished):
                    folder = event.folder
                    print(f"  {name}: {event.reason} at step {event.step}", flush=True)
            seconds, cpu = time.monotonic() - start[0], time.process_time() - start[1]
            found = talk(i3core.load(folder, device="cpu"), base, asked, 1 if options.short else 4, name == "pirate")
        best = next(
            (look for look in looks if look.is_best and look.step == max(e.step for e in looks if e.is_best)), looks[-1]
        )
        rise = best.general_perplexity / looks[0].general_perplexity - 1
        right = "-" if found["right"] is None else f"{found['right']:.0%}"
        style = f"{sum(found['styled']) / max(1, len(found['styled'])):.0%}" if name == "pirate" else "-"
        row = (
            f"| {name} | {steps} | {best.step} | {seconds:.0f} s ({cpu:.0f} s CPU) | {right} | {found['kept']:.0%} "
            f"| {style} | {rise:+.0%} | {' '.join(options.set)} |"
        )
        print(row, flush=True)
        for line in found["wrong"][:12] + found["everyday"][:12]:
            print(f"    {line}")
        if options.table:
            with open(options.table, "a") as table:
                table.write(row + "\n")
        enough = found["right"] is None or found["right"] >= LEAST
        if not enough or found["kept"] < LEAST or seconds > LONGEST_S:
            failed.append(name)
    print("failed:", ", ".join(failed) or "none")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
