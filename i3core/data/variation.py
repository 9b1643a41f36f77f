"""Vary the wording of the user's turns, so that a reply does not depend on how carefully the question is typed.

Letters need no variation: the tokenizer ignores case.
"""

from __future__ import annotations

import numpy as np

from ..text.chat_template import ChatTemplate

GREETINGS = (
    "hi, ", "hello, ", "hey, ", "hi there, ", "ok, ", "so, ", "well, ", "please, ", "one question: ", "by the way, ",
    "tell me, ", "i wonder, ",
)  # fmt: skip
GREETED = 0.25  # share of the questions
WITHOUT_END = 0.3  # share of the questions that lose their last punctuation
_LONGEST = 200  # characters; a longer turn is left as it is


def varied(
    template: ChatTemplate, ids: np.ndarray, marks: np.ndarray, random: np.random.RandomState, spare: int
) -> tuple[np.ndarray, np.ndarray]:
    """Vary the first question of a sequence; it grows by at most `spare` ids.

    Replies stay as they are. Always draws equally often from `random`.
    """
    ends, greets, which = random.random_sample(), random.random_sample(), random.randint(len(GREETINGS))
    reply = int(np.argmax(marks))
    system, asked = template.split_system(ids[:reply].tolist())
    question = template.user_text(asked) if marks[reply] else None
    if not question or len(question) > _LONGEST:
        return ids, marks
    text = question.rstrip(".?! ") if ends < WITHOUT_END else question
    text = GREETINGS[which] + text if greets < GREETED else text
    if not text or text == question:
        return ids, marks
    turn = [*system, *template.encode_turn({"role": "user", "content": text}), *template.reply_opening()]
    if len(turn) - reply > spare:
        return ids, marks
    return (
        np.concatenate([np.array(turn, dtype=ids.dtype), ids[reply:]]),
        np.concatenate([np.zeros(len(turn), dtype=marks.dtype), marks[reply:]]),
    )
