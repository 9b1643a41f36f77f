"""The evaluation by skill: prompts whose replies must match a pattern, asked alone and in the sixth turn of a chat.

Prompts, patterns and the chats' first five turns are in `assets/evaluation/skills.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checkpoints.checkpoint import Model
from ..generation.config import SamplingConfig
from ..generation.sequence import TokenSequence
from ..system import assets
from ..system.files import read_json
from ..text.chat_template import Message
from .decoding import decode

SEEDS = 3


@dataclass(frozen=True)
class SkillPrompt:
    """What is asked, and which replies are to the point.

    Attributes:
        turns: the user's turns; the reply to the last one is judged.
        accept, reject: patterns (any case) that the reply must and must not contain.
    """

    skill: str
    turns: tuple[str, ...]
    accept: str
    reject: str = ""

    def accepts(self, reply: str) -> bool:
        """Whether `reply` is to the point."""
        flags = re.IGNORECASE | re.DOTALL
        wrong = bool(self.reject) and re.search(self.reject, reply, flags) is not None
        return not wrong and re.search(self.accept, reply, flags) is not None


@dataclass(frozen=True)
class SkillFigures:
    """Shares of replies that are to the point, over all seeds: asked `alone`, and from the sixth turn of a chat on."""

    count: int
    alone: float
    in_chat: float


@dataclass(frozen=True)
class SkillFailure:
    """A reply that was not to the point."""

    skill: str
    turns: tuple[str, ...]
    reply: str
    in_chat: bool
    seed: int


def read_skills(given: Mapping[str, Any] | None = None) -> tuple[list[SkillPrompt], list[list[str]]]:
    """The prompts of all skills, and the first turns of the chats in which they are asked.

    given: what `skills.json` holds, in place of that file.
    """
    content: Mapping[str, Any] = given or read_json(assets.path("evaluation/skills.json"))
    prompts = []
    for skill, items in content["skills"].items():
        for item in items:
            turns = [item["ask"]] if isinstance(item["ask"], str) else item["ask"]
            prompts.append(SkillPrompt(skill, tuple(turns), item["accept"], item.get("reject", "")))
    return prompts, content["leads"]


def measure_skills(
    model: Model, prompts: Sequence[SkillPrompt], leads: Sequence[Sequence[str]], sampling: Mapping[str, Any],
    seeds: Iterable[int] = range(SEEDS),
) -> tuple[dict[str, SkillFigures], list[SkillFailure]]:  # fmt: skip
    """Ask every prompt alone and as the continuation of a chat, once for each seed.

    Args:
        leads: first user turns of chats; prompt number i continues number i modulo their count.
        sampling: fields of SamplingConfig.

    Returns: figures by skill, "all" first, and the replies that were not to the point.
    """
    seeds = list(seeds)
    right = {False: [0] * len(prompts), True: [0] * len(prompts)}
    failures = []
    for seed in seeds:
        settings = SamplingConfig(**{**sampling, "seed": seed})
        chats = converse(model, leads, settings)
        for in_chat in (False, True) if leads else (False,):
            starts = [chats[i % len(chats)] if in_chat else [] for i in range(len(prompts))]
            held = converse(model, [prompt.turns for prompt in prompts], settings, starts)
            for i, prompt in enumerate(prompts):
                reply = held[i][-1]["content"]
                if prompt.accepts(reply):
                    right[in_chat][i] += 1
                else:
                    failures.append(SkillFailure(prompt.skill, prompt.turns, reply, in_chat, seed))
    figures = {}
    for skill in ("all", *dict.fromkeys(prompt.skill for prompt in prompts)):
        chosen = [i for i, prompt in enumerate(prompts) if skill in ("all", prompt.skill)]
        asked = max(1, len(chosen) * len(seeds))
        alone, in_chat = (sum(right[where][i] for i in chosen) / asked for where in (False, True))
        figures[skill] = SkillFigures(len(chosen), alone, in_chat)
    return figures, failures


def converse(
    model: Model,
    turns: Sequence[Sequence[str]],
    sampling: SamplingConfig,
    starts: Sequence[list[Message]] | None = None,
) -> list[list[Message]]:
    """Hold chats with the user's fixed `turns`, all at once; `starts` are the messages before them."""
    chats = [[] for _ in turns] if starts is None else [list(start) for start in starts]
    for number in range(max(map(len, turns), default=0)):
        asked = [i for i, texts in enumerate(turns) if number < len(texts)]
        for i in asked:
            chats[i].append({"role": "user", "content": turns[i][number]})
        for i, pieces in zip(
            asked, decode(model, [TokenSequence(model, chats[i], sampling) for i in asked]), strict=True
        ):
            chats[i].append({"role": "assistant", "content": "".join(piece.text for piece in pieces).strip()})
    return chats
