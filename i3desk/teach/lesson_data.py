"""The data and the settings of a lesson: corrections in several words, near questions, and replayed talk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from i3core.data.wordings import Exchange, neighbours, wordings
from i3core.system import assets
from i3core.system.files import read_json, replaced
from i3desk.conversations.conversation import ASSISTANT
from i3desk.teach.corrections import Correction, write_records

LR = 4e-4
MIN_STEPS, STEPS_EACH, MAX_STEPS = 36, 4, 120
MAX_PROMPTS = 6
NEAR_EACH, MOST_NEAR = 6, 60  # near questions that are trained beside a correction, and beside all of them
NEAR_SHOWN = 3  # near questions whose answers are shown before and after
REPLAY = 0.5  # share of the text


@dataclass(frozen=True)
class LessonPlan:
    """A lesson as it will be trained.

    Attributes:
        config: settings of TrainingConfig.
        near: questions near the corrected ones, which are asked before and after.
    """

    config: dict[str, Any]
    near: tuple[str, ...]


def steps_for(count: int) -> int:
    """Number of steps for this many corrections."""
    return min(MAX_STEPS, MIN_STEPS + STEPS_EACH * count)


def plan_lesson(corrections: Sequence[Correction], base: str | None, folder: Path) -> LessonPlan:
    """Plan a lesson; its data is written to `folder` and stays, for resuming.

    Each correction is trained in several words, beside the nearest questions with their own replies: so the model
    learns what the correction is about, and not that everything has this reply. The trainer mixes all of it into
    conversations, and replays talk for half of the text.
    """
    talk = _own_talk()
    exchanges = [pair for conversation in talk for pair in _exchanges(conversation)]
    near: dict[str, Exchange] = {}
    shown: list[str] = []
    for entry in corrections:
        found = neighbours(entry.question, exchanges, NEAR_EACH)
        near |= {question: (question, reply) for question, reply in found}
        shown += [question for question, _ in found]
    corrected = {entry.question for entry in corrections}
    chosen = [near[question] for question in dict.fromkeys(shown) if question not in corrected]
    taught, beside, replayed = (folder / f"{name}.jsonl" for name in ("corrections", "near", "general"))
    write_records(taught, [each for entry in corrections for each in _in_other_words(entry)])
    data = [str(taught)]
    if chosen:
        _write(beside, ([_turn("user", question), _turn(ASSISTANT, reply)] for question, reply in chosen[:MOST_NEAR]))
        data.append(str(beside))
    _write(replayed, talk)
    steps = steps_for(len(corrections))
    prompts = list(dict.fromkeys(entry.question for entry in corrections if entry.question.strip()))[-MAX_PROMPTS:]
    asked = tuple(question for question, _ in chosen[:NEAR_SHOWN])
    config = {
        "model": base or assets.BUNDLED_MODEL,
        "data": data,
        "replay": f"{REPLAY}={replayed}",
        "variation": "on",
        "val_share": 0.0,
        "steps": steps,
        "batch_size": 2,
        "lr": LR,
        "warmup_steps": 4,
        "eval_every": steps,
        "checkpoint_every": 0,
        "sample_prompts": [*prompts, *asked],
    }
    return LessonPlan(config, asked)


def _in_other_words(entry: Correction) -> list[Correction]:
    """The correction as it is, and without what came before it in other words."""
    others = [
        replace(entry, messages=(_turn("user", text), entry.messages[-1]))
        for text in [entry.question, *wordings(entry.question)]
        if text.strip()
    ]
    return [entry, *others]


def _own_talk() -> list[list[dict[str, str]]]:
    """The conversations in the assets, without the sample sets for fine-tuning."""
    samples = {sample["file"] for sample in read_json(assets.path("data/samples.json"))}
    files = sorted(file for file in assets.path("data").glob("*.jsonl") if file.name not in samples)
    return [
        json.loads(line)["messages"] for file in files for line in file.read_text(encoding="utf-8").splitlines() if line
    ]


def _exchanges(messages: Sequence[dict[str, str]]) -> list[Exchange]:
    """The first question of a conversation and its reply: later ones may need what was said before."""
    return [(messages[0]["content"], messages[1]["content"])] if len(messages) > 1 else []


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _write(path: Path, conversations: Iterable[Sequence[dict[str, str]]]) -> None:
    with replaced(path) as temporary:
        lines = (json.dumps({"messages": list(messages)}, ensure_ascii=False) + "\n" for messages in conversations)
        temporary.write_text("".join(lines), encoding="utf-8")
