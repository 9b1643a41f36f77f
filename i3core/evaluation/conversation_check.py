"""What a model knows of its training data, and whether it still talks as before, asked in the middle of conversations.

Both are asked as in chat: with the likeliest reply, after some exchanges of other things.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..checkpoints.checkpoint import Model
from ..data.exchanges import messages_of
from ..data.fingerprints import fingerprint
from ..data.token_dataset import TokenDataset, frozen_random
from ..data.variation import SMALL_WORDS
from ..errors import PromptError
from ..generation.config import SamplingConfig
from ..generation.sequence import TokenSequence
from ..system import assets
from ..system.files import read_json
from ..text.chat_template import ChatTemplate, Message
from ..text.normalization import normalized
from .decoding import decode

MOST_QUESTIONS = 16
MOST_BEFORE = 5  # exchanges before a question
SAME_WORDS = 0.8  # share of the right reply's telling words that another reply must have to say the same
CHOICES = 4  # replies of which the right one must be the likeliest
LONGEST_REPLY = 60  # tokens
_EXAMINED = 400  # sequences of each dataset that questions and other replies are taken from
_OTHER_PROMPTS = (2, 4, 7, 9, 12, 14, 17, 19, 22)  # their distance in the list from the prompt that a reply should fit
_AT_ONCE = 16  # sequences
_ALONE = 4  # of so many everyday prompts, one is asked at the start of a chat


@dataclass(frozen=True)
class Question:
    """A question in the middle of a conversation.

    Attributes:
        messages: the conversation; its last turn is the question.
        reply: the right reply.
        others: replies to other questions, those that share the most words with the right one.
        accepted: fingerprints of all replies that the data has for this question.
        learned: whether the reply is trained on, in answer to this question or to others.
    """

    messages: tuple[Message, ...]
    reply: str
    others: tuple[str, ...]
    accepted: frozenset[int]
    learned: bool


@dataclass(frozen=True)
class ConversationCheck:
    """What is asked at each evaluation of a run.

    Attributes:
        questions: of the user's data; held_out: whether they are in words that are not trained on.
        everyday: conversations whose last turn is an everyday prompt.
        known: fingerprints of all replies of the data that were examined.
        own_way: whether the data is everyday talk itself, in its own style.
    """

    questions: tuple[Question, ...]
    held_out: bool
    everyday: tuple[tuple[Message, ...], ...]
    known: frozenset[int]
    own_way: bool = False


def make_check(
    template: ChatTemplate,
    held_out: Sequence[TokenDataset],
    training: Sequence[TokenDataset],
    replay: Sequence[TokenDataset],
    seed: int,
    own_way: bool = False,
) -> ConversationCheck | None:
    """Choose the questions, and what is said before them; None if the data has no exchanges.

    Depends on its arguments alone, so that evaluations of a run can be compared. If nothing is held out, questions that
    are trained on are asked: they too must be answered in the middle of a conversation.
    """
    random = frozen_random(f"questions/{seed}")

    def some(datasets: Sequence[TokenDataset]) -> list[list[Message]]:
        found = []
        for dataset in datasets:
            for number in random.permutation(len(dataset))[:_EXAMINED].tolist():
                stands_alone = not dataset.exchanges[number]
                found.append(messages_of(template, *dataset.sequence(number), stands_alone))
        return [found[i] for i in random.permutation(len(found)) if found[i]]

    asked, learned, replayed = some(held_out), some(training), some(replay)
    if not learned:
        return None
    fillers = learned + replayed[: max(len(learned), MOST_QUESTIONS)]
    every = asked + learned
    replies = sorted({messages[-1]["content"] for messages in every})
    by_question: dict[int, set[int]] = {}
    for messages in every:
        by_question.setdefault(fingerprint(messages[-2]["content"]), set()).add(fingerprint(messages[-1]["content"]))

    def before(accepted: frozenset[int]) -> list[Message]:
        """Some exchanges of other things, without a reply that answers the question."""
        chosen: list[Message] = []
        for _ in range(random.randint(1, MOST_BEFORE + 1)):
            exchange = fillers[random.randint(len(fillers))][-2:]
            if fingerprint(exchange[1]["content"]) not in accepted:
                chosen += exchange
        return chosen

    trained = frozenset(np.concatenate([dataset.fingerprints[1] for dataset in training]).tolist())

    def is_learned(messages: list[Message]) -> bool:
        return fingerprint(messages[-1]["content"]) in trained

    questions = []
    for messages in sorted(asked or learned, key=is_learned, reverse=True)[:MOST_QUESTIONS]:
        accepted = frozenset(by_question[fingerprint(messages[-2]["content"])])
        others = [reply for reply in replies if fingerprint(reply) not in accepted]
        picked = _most_alike(messages[-1]["content"], [others[i] for i in random.permutation(len(others))])
        earlier = before(accepted)
        # Under a system prompt nothing else was said: such conversations are learned alone.
        conversation = messages[:-1] if messages[0]["role"] == "system" else [*earlier, *messages[:-1]]
        reply = messages[-1]["content"]
        questions.append(Question(tuple(conversation), reply, picked, accepted, is_learned(messages)))
    known = frozenset(fingerprint(reply) for reply in replies)
    everyday = []
    for number, prompt in enumerate(everyday_prompts()):
        start = before(frozenset()) if number % _ALONE else []
        everyday.append((*start, {"role": "user", "content": prompt}))
    return ConversationCheck(tuple(questions), bool(asked), tuple(everyday), known, own_way)


def _most_alike(reply: str, others: Sequence[str]) -> tuple[str, ...]:
    """The replies that share the most words with `reply`: easily mistaken for it, unlike any others."""
    words = set(normalized(reply).split())

    def shared(other: str) -> float:
        found = set(normalized(other).split())
        return len(words & found) / max(1, len(words | found))

    return tuple(sorted(others, key=shared, reverse=True)[: CHOICES - 1])


def replies_to(
    model: Model, conversations: Sequence[Sequence[Message]], between: Callable[[], None] = lambda: None
) -> list[str]:
    """The likeliest reply to each conversation; "" where the model cannot read it."""
    greedy = SamplingConfig(temperature=0, max_new_tokens=min(LONGEST_REPLY, model.config.window // 4))
    sequences, places = [], []
    for place, messages in enumerate(conversations):
        try:
            sequences.append(TokenSequence(model, messages, greedy))
            places.append(place)
        except PromptError:
            continue
    found = [""] * len(conversations)
    for start in range(0, len(sequences), MOST_QUESTIONS):
        between()
        part = slice(start, start + MOST_QUESTIONS)
        for place, pieces in zip(places[part], decode(model, sequences[part]), strict=True):
            found[place] = "".join(piece.text for piece in pieces).strip()
    return found


def count_right(model: Model, check: ConversationCheck, between: Callable[[], None] = lambda: None) -> int:
    """How many questions are answered right.

    A reply is right if the data has it for this question (case and punctuation aside), and wrong if the data has it
    for another one. Of any other reply the right one must be likelier than the three most like it. If the right one is
    learned, the reply must also say the same (see `says_the_same`), unless the data is talk in its own way.
    """
    said = replies_to(model, [question.messages for question in check.questions], between)
    right = 0
    for question, reply in zip(check.questions, said, strict=True):
        print_of_reply = fingerprint(reply)
        if print_of_reply in question.accepted:
            right += 1
        elif print_of_reply not in check.known and question.others:
            asked = question.messages[-1]["content"]
            if question.learned and not check.own_way and not says_the_same(reply, question.reply, asked):
                continue
            between()
            options = (question.reply, *question.others)
            scores = log_likelihoods(model, [(question.messages, option) for option in options])
            right += scores[0] == max(scores)
    return right


def says_the_same(reply: str, right: str, asked: str) -> bool:
    """Whether a reply has the words of the right one that tell something: those that the question lacks."""
    asked_words = set(normalized(asked).split())
    said = set(normalized(reply).split())
    telling = [word for word in normalized(right).split() if word not in asked_words and word not in SMALL_WORDS]
    telling = telling or normalized(right).split()
    return len([word for word in telling if word in said]) >= SAME_WORDS * len(telling)


def count_kept(check: ConversationCheck, before: Sequence[str], now: Sequence[str], model: Model, base: Model) -> int:
    """How many everyday prompts are still answered sensibly by `model`.

    A reply is kept if it is the same as before training, or if it fits the prompt: by the base model it is likelier
    there than after each of nine other prompts. That holds for nearly all replies of the base model itself, and for
    one in twelve that belong to something else. If the data has its own way of everyday talk, which the base model
    does not know, `model` itself is asked whether its reply belongs to the prompt.
    """
    every = [{"role": "user", "content": prompt} for prompt in everyday_prompts()]
    kept = 0
    pairs: list[tuple[list[Message], str]] = []
    for conversation, old, new in zip(check.everyday, before, now, strict=True):
        if normalized(old) == normalized(new):
            kept += 1
        elif new:
            place = every.index(conversation[-1])
            pairs += [([every[(place + step) % len(every)]], new) for step in (0, *_OTHER_PROMPTS)]
    scores = log_likelihoods(model if check.own_way else base, pairs)
    each = 1 + len(_OTHER_PROMPTS)
    return kept + sum(scores[start] > max(scores[start + 1 : start + each]) for start in range(0, len(scores), each))


def everyday_prompts() -> list[str]:
    """The fixed list of everyday prompts."""
    return read_json(assets.path("evaluation/everyday.json"))["prompts"]


@torch.inference_mode()
def log_likelihoods(model: Model, pairs: Sequence[tuple[Sequence[Message], str]]) -> list[float]:
    """Mean log-probability per token of each reply to its conversation, with its end token."""
    template, window = model.template, model.config.window
    opening = len(template.reply_opening())
    sequences, firsts = [], []
    for messages, reply in pairs:
        turn = template.encode_turn({"role": "assistant", "content": reply})[:window]
        prompt = [i for message in template.encode_turns(messages) for i in message]
        prompt = prompt[-max(1, window + 1 - len(turn)) :]
        sequences.append([*prompt, *turn][: window + 1])
        firsts.append(len(prompt) + opening - 1)
    found = [0.0] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda number: len(sequences[number]))
    for start in range(0, len(order), _AT_ONCE):
        numbers = order[start : start + _AT_ONCE]
        longest = max(len(sequences[number]) for number in numbers)
        rows = [sequences[number] + [0] * (longest - len(sequences[number])) for number in numbers]
        ids = torch.tensor(rows, device=model.device.name)
        with model.device.autocast():
            logits = model.network(ids[:, :-1])
        chosen = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
        for row, number in enumerate(numbers):
            found[number] = float(chosen[row, firsts[number] : len(sequences[number]) - 1].mean())
    return found
