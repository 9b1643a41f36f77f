"""What the model sees now, and what it would see after sending."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.generation.config import SamplingConfig
from i3core.system import assets
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer
from i3desk.chat.context_preview import ContextPreview, context_preview, measure
from i3desk.conversations.conversation import ASSISTANT, USER, ChatSettings, Conversation
from i3desk.workers.model_worker import ModelInfo

TOKENIZER = ChunkTokenizer.from_file(assets.path("models/i3-mini/tokenizer.json"))
MODEL = ModelInfo("i3-mini", 1, 64, "CPU", template=ChatTemplate.for_model(TOKENIZER))


def conversation_of(*texts: str, max_new_tokens: int = 16) -> Conversation:
    conversation = Conversation(settings=ChatSettings(SamplingConfig(max_new_tokens=max_new_tokens)))
    for index, text in enumerate(texts):
        conversation.add(ASSISTANT if index % 2 else USER, text, conversation.leaf)
    return conversation


def test_empty_draft_adds_nothing():
    assert context_preview(conversation_of("hello"), MODEL, "  ") == ContextPreview()
    assert context_preview(conversation_of("hello"), None, "hello") == ContextPreview()


def test_short_message_fits():
    ahead = context_preview(conversation_of("hello", "hi there."), MODEL, "how are you?")
    assert ahead.will_see_from is None
    assert ahead.falling == 0
    assert ahead.draft_tokens == len(TOKENIZER.encode("how are you?")) + 1


def test_oldest_messages_drop_out():
    conversation = conversation_of("tell me a story " * 3, "once upon a time " * 3, "and then?", "the end.")
    measure(conversation, MODEL)
    ahead = context_preview(conversation, MODEL, "tell me another one, please")
    assert ahead.will_see_from is not None
    assert ahead.falling >= 1
    numbers = [message.number for message in conversation.path()]
    assert numbers.index(ahead.will_see_from) >= ahead.falling


def test_too_long_draft_gets_a_reason():
    ahead = context_preview(conversation_of(), MODEL, "word " * 200)
    assert "tokens" in ahead.too_long
    assert "window" in ahead.too_long


def test_persona_takes_part_of_the_window():
    """It stays in view: the oldest message drops out earlier, and the reason of a block names its tokens."""
    texts = ("tell me a story", "once upon a time there was a fox.", "and then?", "the end.")
    plain, told = conversation_of(*texts), conversation_of(*texts)
    told.settings = replace(told.settings, persona="you are a pirate and you like gold")
    for conversation in (plain, told):
        measure(conversation, MODEL)
    assert plain.first_seen is None
    first, together = (
        len(MODEL.template.encode_turn({"role": USER, "content": start + texts[0]}))
        for start in ("", told.settings.persona + "\n\n")
    )
    assert told.window_used == plain.window_used + together - first
    text = "tell me another one about a dog"
    assert context_preview(plain, MODEL, text).falling < context_preview(told, MODEL, text).falling
    assert context_preview(plain, MODEL, text).draft_tokens == context_preview(told, MODEL, text).draft_tokens
    told.settings = replace(told.settings, persona="you are a pirate " * 20)
    assert "the persona 1" in context_preview(told, MODEL, text).too_long
    assert "persona" not in context_preview(plain, MODEL, "word " * 200).too_long


def test_raw_text_is_never_too_long():
    conversation = conversation_of()
    conversation.settings = ChatSettings(mode="raw")
    ahead = context_preview(conversation, MODEL, "word " * 200)
    assert ahead.too_long == ""
    assert ahead.draft_tokens == len(TOKENIZER.encode("word " * 200))


def test_without_a_model_nothing_is_measured():
    conversation = conversation_of("hello", "hi.")
    measure(conversation, MODEL)
    assert conversation.window_used > 0
    measure(conversation, None)
    assert (conversation.window_used, conversation.window, conversation.first_seen) == (0, 0, None)


@given(st.lists(st.text("ab c", min_size=1, max_size=60).filter(str.strip), max_size=12))
def test_measured_messages_are_the_longest_end_that_fits(texts):
    conversation = conversation_of(*texts)
    measure(conversation, MODEL)
    template = MODEL.template
    sizes = {
        message.number: len(template.encode_turn({"role": message.role, "content": message.text}))
        for message in conversation.path()
    }
    first = conversation.first_seen
    seen = sum(size for number, size in sizes.items() if first is None or number >= first)
    if first is None:
        assert conversation.window_used == pytest.approx(seen) or seen > MODEL.window
    else:
        assert conversation.window_used == seen <= MODEL.window
        assert seen + sizes[first - 1] > MODEL.window


@pytest.mark.parametrize("mode", ["chat", "raw"])
def test_unreadable_characters_are_told_before_sending(mode):
    conversation = conversation_of()
    conversation.settings = ChatSettings(mode=mode)
    assert context_preview(conversation, MODEL, "“what’s up…” — café").unreadable == ""
    assert context_preview(conversation, MODEL, "漢 is 字").unreadable == "i3 can't read 2 characters: 漢 字"
    assert context_preview(conversation, MODEL, "漢 " * 200).unreadable == "i3 can't read 200 characters: 漢"
