"""Byte-level BPE: nothing is lost, nothing is half shown, and only the template makes special tokens."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.checkpoints.checkpoint import load, save
from i3core.cli.main import main
from i3core.errors import TokenizerError
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator
from i3core.text.bpe import train_bpe
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizers import read_tokenizer

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def bpe(build):
    return build.bpe()


@given(text=TEXTS)
def test_any_text_comes_back_whole(bpe, text):
    ids = bpe.encode(text)
    assert bpe.decode(ids) == text
    assert "".join(bpe.pieces(ids)) == text
    assert "".join(part for part, known in bpe.parts(text) if known) == text
    assert not bpe.unknown(text)
    assert not set(ids) & {0, *bpe.special_tokens.values()}


@given(ids=st.lists(st.integers(4, 399), max_size=30))
def test_stream_gives_the_decoded_text_and_never_half_a_character(bpe, ids):
    stream = bpe.stream()
    shown = [stream.push(i) for i in ids]
    assert "".join(shown) + stream.rest() == bpe.decode(ids)


def test_character_of_several_tokens_appears_with_its_last_one(bpe):
    ids = bpe.encode("a😀b")
    assert bpe.pieces(ids) == ["a", "", "", "", "😀", "b"]
    assert [bpe.name(i) for i in ids] == ["a", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "b"]


@pytest.mark.parametrize("text", ["<EOS>", "a <|user|> b<UNK>", "<|assistant|>"])
def test_name_of_a_special_token_in_a_text_is_text(bpe, text):
    assert bpe.decode(bpe.encode(text)) == text
    assert not set(bpe.encode(text)) & {0, *bpe.special_tokens.values()}


def test_vocabulary_without_all_bytes_names_what_it_drops(bpe):
    content = json.loads(json.dumps(bpe.to_json()))
    lost = content["model"]["vocab"].pop("Ã")  # the byte 0xC3
    content["model"]["vocab"]["never"] = lost
    content["model"]["merges"] = [pair for pair in content["model"]["merges"] if "Ã" not in "".join(pair)]
    smaller = type(bpe)(content)
    assert smaller.unknown("é e é") == Counter({"é": 2})
    assert not smaller.unknown("plain 😀")


def test_case_and_typography_reach_the_model_unchanged(bpe):
    template = ChatTemplate.for_model(bpe)
    assert template.kind == "special_tokens"
    turn = template.encode_turn({"role": "user", "content": "What’s “É” DOING?"})
    assert template.user_text([*turn, *template.reply_opening()]) == "What’s “É” DOING?"


def test_public_vocabulary_ends_replies_and_documents_with_eos(build):
    template = ChatTemplate.for_model(build.bpe(special=False))
    assert template.kind == "text"
    assert template.end_id == 3
    assert template.encode_document("the cat")[-1] == 3
    assert template.encode_document("the cat")[0] != 3
    reply = template.encode_turn({"role": "assistant", "content": "The Cat"})
    assert template.reply_text(reply) == "The Cat"
    assert reply[-1] == 3


def test_stop_text_is_compared_with_its_case(build):
    model = build.model(kind="bpe", blocks="rwkv4:1+attention:1")
    whole = "".join(p.text for p in Generator(model).stream("the cat", SamplingConfig(max_new_tokens=30, seed=1)))
    stop = next(c for c in whole if c.isalpha())
    config = SamplingConfig(max_new_tokens=30, seed=1, stop=(stop,))
    assert "".join(p.text for p in Generator(model).stream("the cat", config)) == whole[: whole.index(stop)]


def test_saved_model_loads_with_the_same_vocabulary(build, tmp_path):
    model = build.model(kind="bpe", blocks="rwkv4:1+attention:1")
    save(model, tmp_path / "m")
    read = load(tmp_path / "m", "cpu")
    assert (read.config.blocks, read.parameters) == (model.config.blocks, model.parameters)
    assert read.template.to_json() == model.template.to_json()
    assert read.tokenizer.encode("The Cat 😀") == model.tokenizer.encode("The Cat 😀")
    assert json.loads((tmp_path / "m" / "config.json").read_text())["tokenizer_type"] == "bpe"


def test_vocab_command_builds_bpe(build, tmp_path, capsys):
    (tmp_path / "story.txt").write_text(build.story, encoding="utf-8")
    arguments = ["vocab", "--kind", "bpe", "--data", str(tmp_path / "story.txt"), "--max-vocab", "300", "--json"]
    assert main([*arguments, "--out", str(tmp_path / "t.json")]) == 0
    assert json.loads(capsys.readouterr().out)["vocab_size"] == read_tokenizer(tmp_path / "t.json").vocab_size == 300
    assert main([*arguments, "--equal-cuts", "--out", str(tmp_path / "u.json")]) == 1


def test_bad_vocabularies_are_refused_in_words(tmp_path, bpe):
    with pytest.raises(TokenizerError, match="no room"):
        train_bpe(["text"], 100)
    with pytest.raises(TokenizerError, match="no text"):
        train_bpe([], 400)
    for change in ({"decoder": None}, {"added_tokens": []}, {"model": {"type": "WordPiece", "vocab": {}}}):
        (tmp_path / "tokenizer.json").write_text(json.dumps(bpe.to_json() | change), encoding="utf-8")
        with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
            read_tokenizer(tmp_path / "tokenizer.json")
