"""Vary the wording of the user's turns, so that a reply does not depend on how carefully the question is typed.

Words and turns are replaced by others that mean nearly the same (`assets/data/wordings.txt`), some words are left out,
and a few are added around the rest. Letters need no variation: the tokenizer ignores case.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ..system import assets
from ..text.chat_template import AFTER_SYSTEM, ChatTemplate

Words = tuple[str, ...]
GREETINGS = (
    "hi, ", "hello, ", "hey, ", "hi there, ", "ok, ", "so, ", "well, ", "please, ", "one question: ", "by the way, ",
    "tell me, ", "i wonder, ", "can you tell me, ", "do you know, ", "i forgot: ", "quick question, ",
)  # fmt: skip
ENDINGS = (" please", ", please", " again", ", do you know", ", tell me", " thanks")
GREETED, ENDED = 0.3, 0.15  # share of the questions
WITHOUT_END = 0.3  # share of the questions that lose their last punctuation
REWORDED = 0.6  # share of the questions that are put in other words: of these, so many as a whole and in their parts
OTHER_QUESTION, OTHER_WORD = 0.6, 0.4
SHORTENED = 0.5  # share of the questions that lose words
SMALL_LEFT_OUT, OTHER_LEFT_OUT = 0.5, 0.12  # share of their small and other words that go
# Without these a question is still the same.
SMALL_WORDS = frozenset((
    "a", "an", "the", "is", "are", "was", "were", "do", "does", "did", "can", "could", "would", "will", "i", "you",
    "we", "me", "my", "our", "your", "it", "its", "to", "of", "for", "at", "in", "on", "there", "have", "has", "get",
    "please", "so", "and",
))  # fmt: skip
_LONGEST_TURN = 5  # words that are replaced together
_MARKS = ",.;:!?"
_LONGEST = 200  # characters; a longer turn is left as it is


def varied(
    template: ChatTemplate, ids: np.ndarray, marks: np.ndarray, random: np.random.RandomState, spare: int
) -> tuple[np.ndarray, np.ndarray]:
    """Vary the first question of a sequence; it grows by at most `spare` ids.

    Of several paragraphs only the last is varied: the first may be a system prompt. Replies stay as they are.
    Always draws equally often from `random`.
    """
    ends, greets, ended, which, rewords, shortens, seed = (*random.random_sample(6), random.randint(2**31))
    reply = int(np.argmax(marks))
    system, asked = template.split_system(ids[:reply].tolist())
    before, separator, question = (template.user_text(asked) or "" if marks[reply] else "").rpartition(AFTER_SYSTEM)
    if not question or len(question) > _LONGEST:
        return ids, marks
    text = question.rstrip(".?! ")
    end = question[len(text) :]
    drawn = np.random.RandomState(seed)
    if rewords < REWORDED:
        text = reworded(text, drawn)
    if shortens < SHORTENED:
        text = _shortened(text, drawn)
    if ended < ENDED:
        text += ENDINGS[int(which * len(ENDINGS))]
    if greets < GREETED:
        text = GREETINGS[int(which * len(GREETINGS))] + text
    text = text if ends < WITHOUT_END else text + end
    if not text or text == question:
        return ids, marks
    asked = template.encode_turn({"role": "user", "content": before + separator + text})
    turn = [*system, *asked, *template.reply_opening()]
    if len(turn) - reply > spare:
        return ids, marks
    return (
        np.concatenate([np.array(turn, dtype=ids.dtype), ids[reply:]]),
        np.concatenate([np.zeros(len(turn), dtype=marks.dtype), marks[reply:]]),
    )


@cache
def other_wordings() -> tuple[dict[Words, list[str]], dict[tuple[Words, Words], list[str]]]:
    """What may stand in place of some words, and of a whole question with such first and last words."""
    parts: dict[Words, list[str]] = {}
    questions: dict[tuple[Words, Words], list[str]] = {}
    for line in assets.path("data/wordings.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wording, _, others = line.partition(" > ")
            first, star, last = wording.partition("*")
            if star:
                questions[tuple(first.split()), tuple(last.split())] = others.split(", ")
            else:
                parts[tuple(wording.split())] = others.split(", ")
    return parts, questions


def reworded(text: str, random: np.random.RandomState) -> str:
    """The question, without its end, in other words that mean nearly the same."""
    parts, questions = other_wordings()
    words = text.split(" ")
    plain = _plain(words)
    fitting = [
        (others, words[len(first) : len(words) - len(last)])
        for (first, last), others in questions.items()
        if len(words) > len(first) + len(last) and plain[: len(first)] == first
        and plain[len(words) - len(last) :] == last
    ]  # fmt: skip
    if fitting and random.random_sample() < OTHER_QUESTION:
        others, rest = fitting[random.randint(len(fitting))]
        words = others[random.randint(len(others))].replace("*", " ".join(rest)).split(" ")
        plain = _plain(words)
    result, place = [], 0
    while place < len(words):
        most = min(_LONGEST_TURN, len(words) - place)
        length = next((n for n in range(most, 0, -1) if plain[place : place + n] in parts), 0)
        if length and random.random_sample() < OTHER_WORD:
            others, last = parts[plain[place : place + length]], words[place + length - 1]
            result.append(others[random.randint(len(others))] + last[len(last.rstrip(_MARKS)) :])
            place += length
        else:
            result.append(words[place])
            place += 1
    return " ".join(result)


def _plain(words: list[str]) -> Words:
    return tuple(word.lower().strip(_MARKS) for word in words)


def _shortened(text: str, random: np.random.RandomState) -> str:
    """The text without some of its words, small ones above all: what is left must be enough to know what is meant.

    Otherwise a model goes by the order of small words, which is the first to change when people ask in other words. The
    last word stays, as in "what do you like to do" and "what do you like to eat".
    """
    *words, last = text.split(" ")
    drawn = random.random_sample(len(words))
    kept = [
        word
        for word, share in zip(words, drawn, strict=True)
        if share >= (SMALL_LEFT_OUT if word.lower() in SMALL_WORDS else OTHER_LEFT_OUT)
    ]
    return " ".join([*kept, last])
