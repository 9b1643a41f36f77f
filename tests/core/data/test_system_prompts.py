"""A system prompt is trained where chat puts it: at its token, or in front of the first question."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from templates import LETTERS, template_with

from i3core.data.documents import Document, read_documents
from i3core.data.exchanges import messages_of
from i3core.data.token_dataset import encode_sequences
from i3core.data.variation import GREETINGS, varied
from i3core.generation.context import fit_context
from i3core.text.chat_template import ChatTemplate

USER, REPLY = {"role": "user", "content": "who?"}, {"role": "assistant", "content": "me."}
SYSTEM = {"role": "system", "content": "be brief."}
# The same conversation in every shape that has a place for a system prompt.
RECORDS = {
    "a turn": {"messages": [SYSTEM, USER, REPLY]},
    "developer": {"messages": [{**SYSTEM, "role": "developer"}, USER, REPLY]},
    "a later turn": {"messages": [USER, REPLY, SYSTEM]},
    "a field": {"system": "be brief.", "messages": [USER, REPLY]},
    "Alpaca": {"system": "be brief.", "instruction": "who?", "output": "me."},
    "completion": {"system_prompt": "be brief.", "prompt": "who?", "completion": "me."},
    "turns as prompt": {"prompt": [SYSTEM, USER], "completion": [REPLY]},
    "ShareGPT": {"conversations": [{"from": "system", "value": "be brief."}, {"from": "human", "value": "who?"},
                                   {"from": "gpt", "value": "me."}]},
    "Open WebUI": {"chat": {"params": {"system": "be brief."}, "messages": [USER, REPLY]}},
    "LM Studio": {"systemPrompt": "be brief.", "messages": [{"versions": [USER]}, {"versions": [REPLY]}]},
    "i3desk": {"i3desk_conversation": 1, "leaf": 2, "settings": {"persona": "be brief."},
               "messages": [{"number": 1, "parent": None, **USER}, {"number": 2, "parent": 1, **REPLY}]},
}  # fmt: skip


WITH, WITHOUT = template_with("user", "assistant", "end", "system"), template_with("user", "assistant", "end")
FORM = template_with(form="q {user} a {assistant} ", system="s {system} ")
TEMPLATES = pytest.mark.parametrize("template", [WITH, WITHOUT, FORM], ids=["token", "no token", "form"])


def fed_by_chat(template: ChatTemplate, messages: list[dict[str, str]]) -> list[int]:
    """What the model has read when a conversation ends: the prompt of its last question, and the reply."""
    prompt = fit_context(template, messages[:-1], 1, 10_000).ids
    return [*prompt, *template.encode_turn(messages[-1])[len(template.reply_opening()) :]]


def joined(template: ChatTemplate, messages: list[dict[str, str]]) -> list[int]:
    return [i for turn in template.encode_turns(messages) for i in turn]


@TEMPLATES
@pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))
def test_training_reads_token_for_token_what_chat_feeds(tmp_path, template, record):
    (tmp_path / "a.json").write_text(json.dumps(record))
    [document] = read_documents(tmp_path / "a.json")
    [(ids, marks)] = encode_sequences(document, template, 500)
    assert ids == fed_by_chat(template, [SYSTEM, USER, REPLY])
    assert sum(marks) == len(template.encode_turn(REPLY)) - len(template.reply_opening())  # nothing but the reply


TEXTS = st.text(LETTERS, min_size=1, max_size=30).filter(str.strip)


@TEMPLATES
@given(system=TEXTS, texts=st.lists(TEXTS, min_size=2, max_size=8), window=st.integers(24, 120))
def test_every_sequence_of_a_long_conversation_starts_with_its_system_prompt(template, system, texts, window):
    turns = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]
    document = Document(messages=({"role": "system", "content": system}, *turns))
    dropped = []
    sequences = [ids for ids, _ in encode_sequences(document, template, window, dropped.append)]
    assert all(len(ids) <= window + 1 for ids in sequences)
    if dropped:
        return
    told, left = {"role": "system", "content": system}, list(turns)
    for ids in sequences:  # each as chat feeds it: some of the next turns under the system prompt
        read = [joined(template, [told, *left[:count]]) for count in range(1, len(left) + 1)]
        assert ids in read
        left = left[read.index(ids) + 1 :]
    assert not left


@TEMPLATES
def test_reply_that_is_not_learned_stays_the_same_turn(template):
    messages = (SYSTEM, USER, {"role": "assistant", "content": "no."}, USER, REPLY)
    document = Document(messages=messages, context=frozenset({2}))
    [(ids, marks)] = encode_sequences(document, template, 500)
    learned = [i for i, mark in zip(ids, marks, strict=True) if mark]
    assert learned == template.encode_turn(REPLY)[len(template.reply_opening()) :]


def test_conversation_that_the_assistant_opens_has_its_system_prompt_first():
    document = Document(messages=(SYSTEM, REPLY))
    for template, first in ((WITH, SYSTEM), (WITHOUT, {"role": "user", "content": "be brief."})):
        [(ids, _)] = encode_sequences(document, template, 500)
        assert ids == [*template.encode_turn(first), *template.encode_turn(REPLY)]


@TEMPLATES
def test_greeting_of_the_assistant_is_read_before_the_first_question(template):
    turns = [SYSTEM, REPLY, USER, REPLY]
    [(ids, _)] = encode_sequences(Document(messages=tuple(turns)), template, 500)
    assert ids == fed_by_chat(template, turns)


def test_varied_question_stays_under_its_system_prompt():
    """Words of the question change, those of the system prompt never."""
    [(ids, marks)] = encode_sequences(Document(messages=(SYSTEM, USER, REPLY)), WITHOUT, 500)
    asked = set()
    for seed in range(50):
        new, new_marks = varied(WITHOUT, np.array(ids), np.array(marks), np.random.RandomState(seed), 500)
        asked.add(WITHOUT.tokenizer.decode(new[1 : int(np.argmax(new_marks))]))
    assert all(text.startswith("be brief.\n\n") for text in asked)
    assert any(text.removeprefix("be brief.\n\n").startswith(GREETINGS) for text in asked)


def test_turns_of_a_sequence_have_the_system_prompt_apart():
    [(ids, marks)] = encode_sequences(Document(messages=(SYSTEM, USER, REPLY)), WITH, 500)
    assert messages_of(WITH, np.array(ids), np.array(marks)) == [SYSTEM, USER, REPLY]
    [together] = encode_sequences(Document(messages=(SYSTEM, USER, REPLY)), WITHOUT, 500)
    assert messages_of(WITHOUT, *map(np.array, together), stands_alone=True) == [SYSTEM, USER, REPLY]
    spoken = [i for i, mark in zip(ids, marks, strict=True) if not mark]
    assert WITH.split_system(spoken) == (WITH.encode_turn(SYSTEM), [*WITH.encode_turn(USER), *WITH.reply_opening()])
