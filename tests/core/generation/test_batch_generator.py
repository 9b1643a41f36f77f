"""Many replies at once: each is what it would be alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from i3core.checkpoints.checkpoint import load
from i3core.errors import I3Error, NotFiniteError
from i3core.generation.batch_generator import PREFILL_TOKENS, BatchGenerator
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator
from i3core.generation.outputs import Piece
from i3core.generation.sequence import TokenSequence

PROMPTS = [
    "the cat", "once upon a time there was a little cat who sat on the mat", "a", "hello there", "what is it",
    [{"role": "user", "content": "hello"}],
    [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "the cat"}, {"role": "user", "content": "a"}],
    "in the",
]  # fmt: skip


def alone(model, prompt, config, alternatives=0):
    return list(Generator(model).stream(prompt, config, alternatives=alternatives))


def together(batch, replies, arrive_every=1):
    """Pieces by reply; one more reply arrives every so many steps, as soon as there is room."""
    waiting, pieces = list(enumerate(replies)), {index: [] for index in range(len(replies))}
    steps = 0
    while waiting or len(batch):
        if waiting and batch.has_room and steps % arrive_every == 0:
            batch.add(*waiting.pop(0))
        for key, piece in batch.advance():
            pieces[key].append(piece)
        steps += 1
    return [pieces[index] for index in range(len(replies))]


def same(one, other):
    assert [piece.token_id for piece in one] == [piece.token_id for piece in other]
    assert [piece.text for piece in one] == [piece.text for piece in other]
    assert [piece.finish_reason for piece in one] == [piece.finish_reason for piece in other]
    assert [piece.window_used for piece in one] == [piece.window_used for piece in other]
    assert [piece.logprob for piece in one] == pytest.approx([piece.logprob for piece in other], abs=1e-3)


@pytest.mark.parametrize(
    "sizes",
    [{}, {"attention_layers": 0}, {"hybrid_layers": 0}, {"blocks": "rwkv4:2+attention:1", "kind": "bpe"}],
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_unequal_prompts_in_a_batch_equal_each_alone(build, sizes, temperature):
    """Past the end of the window (64), too."""
    model = build.model(**sizes)
    configs = [
        SamplingConfig(temperature=temperature, max_new_tokens=10 + 14 * index, seed=index, top_k=0)
        for index in range(len(PROMPTS))
    ]
    replies = [TokenSequence(model, prompt, config) for prompt, config in zip(PROMPTS, configs, strict=True)]
    for prompt, config, pieces in zip(PROMPTS, configs, together(BatchGenerator(model, 8), replies), strict=True):
        same(pieces, alone(model, prompt, config))


def test_more_sequences_than_rows_take_turns(model):
    configs = [SamplingConfig(temperature=0.9, max_new_tokens=3 + 5 * (index % 4), seed=index) for index in range(20)]
    replies = [TokenSequence(model, PROMPTS[index % 8], config) for index, config in enumerate(configs)]
    batch = BatchGenerator(model, 3)
    for index, pieces in enumerate(together(batch, replies, arrive_every=2)):
        same(pieces, alone(model, PROMPTS[index % 8], configs[index]))
    assert len(batch) == 0


def test_stop_strings_and_single_tokens_end_as_alone(model):
    word = alone(model, "the cat", SamplingConfig(temperature=0, max_new_tokens=8))[3].chunk.text
    configs = [SamplingConfig(temperature=0, max_new_tokens=8, stop=(word,)), SamplingConfig(max_new_tokens=1, seed=1)]
    replies = [TokenSequence(model, "the cat", config) for config in configs]
    for config, pieces in zip(configs, together(BatchGenerator(model, 2), replies), strict=True):
        same(pieces, alone(model, "the cat", config))


def test_long_prompt_is_read_in_parts_while_others_decode(build):
    model = build.model(window=512)
    batch = BatchGenerator(model, 2)
    batch.add("short", TokenSequence(model, "the cat", SamplingConfig(temperature=0, max_new_tokens=50)))
    batch.advance()
    text = "the cat sat on the mat. " * 30
    config = SamplingConfig(temperature=0, max_new_tokens=5)
    long = TokenSequence(model, text, config)
    parts = -(-len(long.context.ids) // PREFILL_TOKENS)
    assert parts > 1
    batch.add("long", long)
    for _ in range(parts - 1):
        assert [key for key, _ in batch.advance()] == ["short"]
    pieces = [piece for key, piece in batch.advance() if key == "long"]
    while len(batch):
        pieces += [piece for key, piece in batch.advance() if key == "long"]
    same(pieces, alone(model, text, config))


TWELVE = SamplingConfig(temperature=0, max_new_tokens=12)


@pytest.fixture(scope="module")
def undisturbed(model):
    """The first six prompts, each answered alone."""
    return [alone(model, prompt, TWELVE) for prompt in PROMPTS[:6]]


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_cancelled_sequence_does_not_affect_others(model, undisturbed, data):
    batch, pieces = BatchGenerator(model, 6), {}
    for index, prompt in enumerate(PROMPTS[:6]):
        batch.add(index, TokenSequence(model, prompt, TWELVE))
        pieces[index] = []
    gone = set()
    while len(batch):
        if data.draw(st.booleans()):
            key = data.draw(st.integers(0, 7))
            batch.cancel(key)
            gone.add(key)
        for key, piece in batch.advance():
            assert key not in gone or pieces[key]
            pieces[key].append(piece)
    for index, expected in enumerate(undisturbed):
        same(pieces[index], expected[: len(pieces[index])])
        assert index in gone or pieces[index][-1].finish_reason


def test_out_of_memory_ends_the_sequences_and_the_batch_stays_usable(model, monkeypatch):
    batch = BatchGenerator(model, 4)
    config = SamplingConfig(temperature=0, max_new_tokens=5)
    for key in range(3):
        batch.add(key, TokenSequence(model, "the cat", config))
    batch.advance()

    def full(*arguments, **options):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(type(model.network), "forward", full)
        patch.setattr("i3core.generation.batch_generator.BatchState.decode", full)
        told = batch.advance()
        assert {key for key, _ in told} == {0, 1}
        assert all(isinstance(error, I3Error) and "memory" in error.what for _, error in told)
    rest = []
    while len(batch):
        rest += [piece for _, piece in batch.advance()]
    same(rest, alone(model, "the cat", config))


@pytest.mark.parametrize("precision", ["float32", "int8", "bfloat16"])
def test_bundled_model_in_a_batch_equals_each_alone(precision):
    model = load(None, "cpu", precision)
    config = SamplingConfig(temperature=0, max_new_tokens=60)
    chats = [[{"role": "user", "content": text}] for text in ("hello!", "who are you?", "i had a long day at school")]
    got = together(BatchGenerator(model, 3), [TokenSequence(model, chat, config) for chat in chats])
    for chat, pieces in zip(chats, got, strict=True):
        assert pieces[-1].finish_reason == "stop"
        expected = alone(model, chat, config)
        if precision == "float32":
            same(pieces, expected)
        assert pieces[0].token_id == expected[0].token_id


def test_reply_of_broken_numbers_is_an_error_and_ends_no_other(build):
    batch, config = BatchGenerator(build.model()), SamplingConfig(max_new_tokens=4, temperature=0, seed=1)
    broken = TokenSequence(batch.model, "hello there", config)
    append = broken.append

    def overflow(logits):
        return append(np.full_like(logits, np.nan) if broken.new_tokens == 2 else logits)

    broken.append = overflow
    found, other = together(batch, [broken, TokenSequence(batch.model, "in the", config)])
    assert [type(piece) for piece in found[:2]] == [Piece, Piece]
    assert isinstance(found[2], NotFiniteError)
    same(other, alone(batch.model, "in the", config))


@pytest.mark.parametrize("temperature", [0, 0.7])
def test_model_of_broken_weights_refuses_to_reply_in_words(build, temperature):
    model = build.model(seed=3)
    with torch.no_grad():
        model.network.ln_f.weight.fill_(torch.nan)
    with pytest.raises(NotFiniteError, match="Its weights are damaged"):
        list(Generator(model).stream("hello", SamplingConfig(temperature=temperature)))
