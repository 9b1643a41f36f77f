"""The turns of token sequences as text, and which conversations the training data contradicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..text.chat_template import AFTER_SYSTEM, ChatTemplate, Message
from ..text.normalization import normalized
from .token_dataset import TokenDataset, frozen_random

# Words that questions of one meaning have or lack.
_FILLERS = frozenset(
    (
        "a", "an", "and", "are", "can", "could", "do", "does", "hello", "hey", "hi", "i", "is", "it", "me", "of", "ok",
        "please", "s", "so", "tell", "that", "the", "this", "to", "well", "you", "am",
    )
)  # fmt: skip
_ROUNDS = 2  # of looking for further questions by the replies to those found
EXAMINED = 20_000  # sequences of the training data, and of the replay


def messages_of(
    template: ChatTemplate, ids: np.ndarray, marks: np.ndarray, stands_alone: bool = False
) -> list[Message] | None:
    """The turns of a sequence, in lower case, perhaps after a system prompt.

    None unless it is questions with learned replies, without `<UNK>`. If it `stands_alone` in training, its first
    question begins with a system prompt that has no turn of its own.
    """
    bounds = np.flatnonzero(np.diff(marks.astype(np.int8))) + 1
    if not len(bounds) or marks[0] or len(bounds) % 2 == 0:
        return None
    system, _ = template.split_system(ids[: bounds[0]].tolist())
    messages: list[Message] = []
    if system:
        messages.append({"role": "system", "content": template.tokenizer.decode(system[1:])})
    for start, end in zip([len(system), *bounds], [*bounds, len(ids)], strict=True):
        part = ids[start:end].tolist()
        text = template.reply_text(part) if marks[start] else template.user_text(part)
        if not text:
            return None
        messages.append({"role": "assistant" if marks[start] else "user", "content": text})
    before, _, question = messages[0]["content"].rpartition(AFTER_SYSTEM)
    if stands_alone and not system and before:
        messages[:1] = [{"role": "system", "content": before}, {"role": "user", "content": question}]
    return messages


@dataclass(frozen=True)
class Contradictions:
    """What the training data says about the questions of other conversations.

    Attributes:
        harmless: (sequences,) for each other dataset: those that do not ask, in any words, what the training data
            answers.
        common: share of the training data's questions that the others answer, too.
        own_replies: different replies of the training data as a share of its different questions.
    """

    harmless: list[np.ndarray]
    common: float
    own_replies: float


def find_contradictions(
    template: ChatTemplate, own: Sequence[TokenDataset], others: Sequence[TokenDataset]
) -> Contradictions:
    """Compare the questions of two kinds of datasets by their words.

    Questions of the others that get the same reply count as one question.
    """
    asked, questions, replies = set(), set(), set()
    for messages in _conversations(template, own):
        asked |= {_words(text) for text in _said_by("user", messages)}
        questions |= {normalized(text) for text in _said_by("user", messages)}
        replies |= {normalized(text) for text in _said_by("assistant", messages)}
    exchanges = [_exchanges(template, other) for other in others]
    known = {words for found in exchanges for _, words, _ in found} & asked
    harmless = []
    contradicted = _in_other_words(asked, [each for found in exchanges for each in found])
    for other, found in zip(others, exchanges, strict=True):
        mask = np.ones(len(other), dtype=bool)
        mask[[number for number, words, _ in found if words in contradicted]] = False
        harmless.append(mask)
    return Contradictions(harmless, len(known) / max(1, len(asked)), len(replies) / max(1, len(questions)))


def _exchanges(template: ChatTemplate, dataset: TokenDataset) -> list[tuple[int, frozenset[str], str]]:
    """The number of the sequence, the words of the question and the reply of each exchange."""
    found = []
    for number in range(min(len(dataset), EXAMINED)):
        messages = messages_of(template, *dataset.sequence(number)) or ()
        asked, replies = _said_by("user", messages), _said_by("assistant", messages)
        found += [(number, _words(question), normalized(reply)) for question, reply in zip(asked, replies, strict=True)]
    return found


def _in_other_words(
    asked: set[frozenset[str]], exchanges: Sequence[tuple[int, frozenset[str], str]]
) -> set[frozenset[str]]:
    """The questions, and those that get one of their replies: the same questions in other words."""
    found = set(asked)
    for _ in range(_ROUNDS):
        replies = {reply for _, words, reply in exchanges if words in found}
        found |= {words for _, words, reply in exchanges if reply in replies}
    return found


def _conversations(template: ChatTemplate, datasets: Sequence[TokenDataset]) -> Iterator[list[Message]]:
    """Conversations of some of the sequences."""
    for dataset in datasets:
        numbers = np.arange(len(dataset))
        if len(numbers) > EXAMINED:
            numbers = frozen_random("examined").permutation(len(numbers))[:EXAMINED]
        for number in numbers.tolist():
            messages = messages_of(template, *dataset.sequence(number))
            if messages:
                yield messages


def _said_by(role: str, messages: Sequence[Message]) -> list[str]:
    return [message["content"] for message in messages if message["role"] == role]


def _words(text: str) -> frozenset[str]:
    words = normalized(text).split()
    return frozenset(word for word in words if word not in _FILLERS) or frozenset(words)
