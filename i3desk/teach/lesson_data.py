"""The data and the settings of a lesson: corrections in several words, near questions, and replayed talk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from i3core.data.wordings import Exchange, neighbours, wordings
from i3core.system import assets
from i3core.system.files import replaced
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
    conversations, and replays talk for half of the text: of the model's own, or of ours. Much is read: call it in the
    background.
    """
    talk, is_own = _talk_of(base)
    exchanges = [pair for conversation in talk for pair in _exchanges(conversation)]
    near: dict[str, Exchange] = {}
    shown: list[str] = []
    for entry in corrections:
        found = neighbours(entry.question, exchanges, NEAR_EACH)
        near |= {question: (question, reply) for question, reply in found}
        shown += [question for question, _ in found]
    corrected = {entry.question for entry in corrections}
    chosen = [near[question] for question in dict.fromkeys(shown) if question not in corrected]
    taught, beside, general = (folder / f"{name}.jsonl" for name in ("corrections", "near", "general"))
    write_records(taught, [each for entry in corrections for each in _in_other_words(entry)])
    data = [str(taught)]
    if chosen:
        _write(beside, ([_turn("user", question), _turn(ASSISTANT, reply)] for question, reply in chosen[:MOST_NEAR]))
        data.append(str(beside))
    if not is_own:
        _write(general, talk)
    steps = steps_for(len(corrections))
    prompts = list(dict.fromkeys(entry.question for entry in corrections if entry.question.strip()))[-MAX_PROMPTS:]
    asked = tuple(question for question, _ in chosen[:NEAR_SHOWN])
    config = {
        "model": base or assets.BUNDLED_MODEL,
        "data": data,
        "replay": str(REPLAY) if is_own else f"{REPLAY}={general}",
        "variation": "off",  # each correction is in several words already, and its near questions differ in a word
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
    persona = [turn for turn in entry.messages[:1] if turn["role"] == "system"]
    others = [
        replace(entry, messages=(*persona, _turn("user", text), entry.messages[-1]))
        for text in [entry.question, *wordings(entry.question)]
        if text.strip()
    ]
    return [entry, *others]


def _talk_of(base: str | None) -> tuple[list[list[dict[str, str]]], bool]:
    """The conversations that a model is fine-tuned beside: its own and True, or ours and False."""
    from i3core.data.documents import read_documents  # torch and numpy are not loaded with the window
    from i3core.training.replay import own_conversations, replayed_files

    folder = assets.models()[assets.BUNDLED_MODEL] if base is None else Path(base)
    files = replayed_files(folder)
    found = [document for file in files or own_conversations() for document in read_documents(file)]
    return [list(document.messages) for document in found if document.messages], bool(files)


def _exchanges(messages: Sequence[dict[str, str]]) -> list[Exchange]:
    """The first question of a conversation and its reply: later ones may need what was said before."""
    if [message["role"] for message in messages[:2]] != ["user", ASSISTANT]:  # a system prompt comes first
        return []
    return [(messages[0]["content"], messages[1]["content"])]


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _write(path: Path, conversations: Iterable[Sequence[dict[str, str]]]) -> None:
    with replaced(path) as temporary:
        lines = (json.dumps({"messages": list(messages)}, ensure_ascii=False) + "\n" for messages in conversations)
        temporary.write_text("".join(lines), encoding="utf-8")
