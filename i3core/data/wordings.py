"""Other words for a question, and questions that are near it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from ..text.normalization import normalized

Exchange = tuple[str, str]  # question and reply

_REWRITES = (
    (r"^what is ", "what's "), (r"^what's ", "what is "), (r"^who is ", "who's "), (r"^where is ", "where's "),
    (r"^what are ", "can you name "), (r"^how much is ", "what is "), (r"^do you know ", "tell me "),
    (r"^can you tell me ", "tell me "), (r"^i am ", "i'm "), (r"^i'm ", "i am "), (r"^you are ", "you're "),
    (r" do not ", " don't "), (r" don't ", " do not "), (r" cannot ", " can't "), (r" can't ", " cannot "),
)  # fmt: skip
_FRAMES = ("{}", "hey, {}", "{} please", "one question: {}", "so, {}", "and {}", "i want to know: {}", "tell me, {}")
_ASKS = re.compile(r"^(what|who|where|when|why|how|which|do|does|is|are|can|could|will|did)\b")


def wordings(question: str) -> list[str]:
    """Other ways to type a question, without changing its meaning; at most eight, without the question itself."""
    plain = " ".join(question.lower().split())
    bare = plain.rstrip(".?! ")
    found = [bare]
    for pattern, replacement in _REWRITES:
        changed, count = re.subn(pattern, replacement, plain, count=1)
        if count:
            found.append(changed)
    frames = _FRAMES if _ASKS.match(plain) else _FRAMES[:2]
    found += [frame.format(bare if frame.endswith("please") else plain) for frame in frames]
    return [text for text in dict.fromkeys(found) if text and text != question][:8]


def neighbours(question: str, exchanges: Sequence[Exchange], count: int) -> list[Exchange]:
    """The exchanges whose questions share most with `question`, and mean something else. Rare words weigh more."""
    asked = [set(normalized(other).split()) for other, _ in exchanges]
    frequency = Counter(word for words in asked for word in words)
    mine = set(normalized(question).split())

    def weight(words: set[str]) -> float:
        return sum(math.log((1 + len(exchanges)) / (1 + frequency[word])) for word in words)

    ranked = [
        (weight(mine & words) / max(1e-9, weight(mine | words)), -place)
        for place, words in enumerate(asked)
        if mine & words and words != mine
    ]
    chosen: dict[str, Exchange] = {}
    for _, place in sorted(ranked, reverse=True):
        if len(chosen) < count:
            chosen.setdefault(normalized(exchanges[-place][0]), exchanges[-place])
    return list(chosen.values())
