"""Conversations to ids: the same for training and chat, turn by turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompts import prompt_ids

from i3core.data.documents import Document
from i3core.data.token_dataset import encode_sequences
from i3core.errors import CheckpointError, PromptError
from i3core.generation.generator import Generator
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def conversations():
    """Two to four exchanges of short texts, some with spaces at the ends and capitals."""
    words = st.text("abtheing ?T", min_size=1, max_size=12).filter(str.strip)
    return st.lists(st.tuples(words, words), min_size=2, max_size=4).map(
        lambda pairs: [message for question, answer in pairs for message in (user(question), assistant(answer))]
    )


@pytest.fixture(scope="module", params=["special_tokens", "text"])
def chatting(request, build):
    """A model of either kind of template, with a window that holds every conversation here."""
    return build.model(special=request.param == "special_tokens", window=400)


def test_special_tokens_by_hand(build):
    tokenizer = build.tokenizer()
    template = ChatTemplate.for_model(tokenizer)
    special = tokenizer.special_tokens
    assert template.kind == "special_tokens"
    turns = template.encode_turns([user(" Hello! "), assistant("hi")])
    assert turns[0] == [special["user"], *tokenizer.encode("hello!")]
    assert turns[1] == [special["assistant"], *tokenizer.encode("hi"), special["end"]]
    assert template.reply_opening() == [special["assistant"]]
    assert template.end_id == special["end"]
    assert template.stop_texts == ()
    assert template.encode_document("hello") == [special["end"], *tokenizer.encode("hello"), special["end"]]


def test_text_form_by_hand(build):
    tokenizer = build.tokenizer(special=False)
    template = ChatTemplate.for_model(tokenizer)
    assert template.kind == "text"
    turns = template.encode_turns([user(" Hello! "), assistant("hi")])
    assert turns == [tokenizer.encode("[INST] hello! [/INST] "), tokenizer.encode("hi ")]
    assert template.reply_opening() == []
    assert template.end_id is None
    assert template.stop_texts == ("[inst]",)
    assert template.encode_document("hello") == tokenizer.encode("hello")


@given(conversations())
def test_turns_keep_their_ids_while_a_conversation_grows(chatting, messages):
    turns = chatting.template.encode_turns(messages)
    for count in range(len(messages)):
        assert chatting.template.encode_turns(messages[:count]) == turns[:count]
    assert all(
        chatting.template.encode_turns([message]) == [turn] for message, turn in zip(messages, turns, strict=True)
    )


@given(conversations())
def test_training_sees_exactly_what_chat_feeds(chatting, messages):
    """The sequence of a conversation starts with the ids that chat feeds before each reply; the reply follows."""
    document = Document(messages=tuple(messages))
    [(row, marks)] = encode_sequences(document, chatting.template, chatting.config.window)
    generator = Generator(chatting)
    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            fed, dropped = prompt_ids(generator.model, messages[:place], 10)
            reply = chatting.template.encode_turn(message)[len(chatting.template.reply_opening()) :]
            assert dropped == 0
            assert row[: len(fed)] == fed
            assert row[len(fed) : len(fed) + len(reply)] == reply
            assert all(marks[len(fed) : len(fed) + len(reply)])
    replies = sum(
        len(chatting.template.encode_turn(m)) - len(chatting.template.reply_opening())
        for m in messages
        if m["role"] == "assistant"
    )
    assert sum(marks) == replies


def with_system(build):
    """Templates of both kinds with a system prompt, and its expected ids."""
    plain = build.tokenizer()
    chunks = {chunk: i for i, chunk in enumerate(plain.chunks)} | {"<|system|>": plain.vocab_size}
    tokenizer = ChunkTokenizer(chunks, plain.special_tokens | {"system": plain.vocab_size})
    yield ChatTemplate.for_model(tokenizer), [plain.vocab_size, *tokenizer.encode("be kind")]
    tokenizer = build.tokenizer(special=False)
    declared = {"kind": "text", "form": "[INST] {user} [/INST] {assistant} ", "system": "[SYS] {system} [/SYS] "}
    yield ChatTemplate.for_model(tokenizer, declared), tokenizer.encode("[SYS] be kind [/SYS] ")


def test_system_prompt_comes_first_if_it_is_supported(build):
    system = {"role": "system", "content": " Be kind "}
    for template, ids in with_system(build):
        assert template.has_system_turn
        turns = template.encode_turns([system, user("hello"), assistant("hi")])
        assert turns == [ids, *template.encode_turns([user("hello"), assistant("hi")])]
        with pytest.raises(PromptError, match="first"):
            template.encode_turns([user("hello"), system])
        assert ChatTemplate.for_model(template.tokenizer, template.to_json()) == template


def test_system_prompt_without_a_turn_of_its_own_stands_in_front_of_the_first_question(chatting):
    template, system = chatting.template, {"role": "system", "content": " Be kind \n"}
    assert not template.has_system_turn
    asked = [assistant("hi"), user(" hello "), assistant("hi"), user("hello")]
    turns = template.encode_turns([system, *asked])
    assert turns == template.encode_turns([asked[0], user("Be kind\n\nhello"), *asked[2:]])
    assert template.encode_turns([{**system, "content": " "}, *asked]) == template.encode_turns(asked)
    with pytest.raises(PromptError, match="first"):
        template.encode_turns([user("hello"), system])


def test_cached_turns_equal_encoded_turns(chatting):
    for message in (user("hello"), assistant("hello"), user("hello")):
        assert chatting.template.cached_turn(message) == chatting.template.encode_turn(message)


@pytest.mark.parametrize(
    "message",
    [
        "hello", None, {}, {"role": "user"}, {"content": "x"}, {"role": "user", "content": 3},
        {"role": "system", "content": "x"}, {"role": None, "content": "x"}, {"role": ["user"], "content": "x"},
    ],
)  # fmt: skip
def test_bad_messages_are_refused(chatting, message):
    with pytest.raises(PromptError):
        chatting.template.encode_turns([user("hello"), message])


@pytest.mark.parametrize(
    "declared",
    [
        {"kind": "jinja"}, {"kind": "text", "form": "{user}"}, {"kind": "text", "form": "{assistant} {user}"},
        {"kind": "text", "form": "{user} {user} {assistant}"}, {"kind": "text", "form": 3}, {"kind": "special_tokens"},
        {"kind": "text", "systems": "{system}"}, {"kind": "text", "system": "be kind"}, {"kind": "text", "system": 3},
        {"kind": "text", "system": "{system} {system}"},
    ],
)  # fmt: skip
def test_invalid_templates_are_refused(build, declared):
    with pytest.raises(CheckpointError, match="template"):
        ChatTemplate.for_model(build.tokenizer(special=False), declared)


def test_declared_form_is_used_and_written_back(build):
    tokenizer = build.tokenizer(special=False)
    template = ChatTemplate.for_model(tokenizer, {"kind": "text", "form": "q: {user} a: {assistant}\n"})
    assert template.encode_turn(user("hello")) == tokenizer.encode("q: hello a: ")
    assert template.encode_turn(assistant("hi")) == tokenizer.encode("hi\n")
    assert ChatTemplate.for_model(tokenizer, template.to_json()) == template
    assert template.stop_texts == ("q:",)


def test_special_tokens_need_no_form_for_the_system_prompt(build):
    with pytest.raises(CheckpointError, match="template"):
        ChatTemplate.for_model(build.tokenizer(), {"kind": "special_tokens", "system": "{system}"})


def test_cache_of_long_turns_is_limited(build, monkeypatch):
    monkeypatch.setattr("i3core.text.chat_template.MOST_CACHED_CHARACTERS", 1000)
    template = build.model().template
    for index in range(50):
        message = {"role": "user", "content": f"{index} the cat sat on the mat " * 10}
        assert template.cached_turn(message) == template.encode_turn(message)
        assert sum(len(content) for _, content in template._cached_turns) < 2000
