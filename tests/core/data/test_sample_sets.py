"""The sample sets in assets/data are complete, readable and useful."""

import collections
import json
import re
import tomllib

import pytest

from i3core.checkpoints.weights import tokenizer_path
from i3core.data.documents import read_documents
from i3core.data.sources import parse_source
from i3core.system import assets
from i3core.text.tokenizer import UNK_ID, ChunkTokenizer
from i3core.training.config import TrainingConfig
from i3core.training.run_data import RETENTION_DATA

LISTED = json.loads(assets.path("data/samples.json").read_text(encoding="utf-8"))
PIRATE = re.compile(r"\b(arr+|ahoy|aye|matey|me hearty|ye|yer|be me)\b")
BUTLER = re.compile(
    r"\b(dear|guest|honou?r\w*|service|pleasure|may i|permit|kind\w*|pardon|please\w*|thank|good day)\b"
)
ROBOT = re.compile(r"\b(beep|boop)\b")
CONVERSATIONS = (
    "identity",
    "daily-life",
    "questions",
    "manners",
    "stories",
    "small-talk",
    "follow-ups",
)  # of the bundled model


def pairs(name):
    lines = assets.path(f"data/{name}").read_text(encoding="utf-8").splitlines()
    return [(record["prompt"], record["completion"]) for record in map(json.loads, lines)]


@pytest.fixture(scope="module")
def tokenizer():
    return ChunkTokenizer.from_file(tokenizer_path(assets.models()[assets.BUNDLED_MODEL]))


@pytest.mark.parametrize("sample", LISTED, ids=lambda sample: sample["file"])
def test_each_listed_set_exists_and_matches_its_description(sample):
    assert set(sample) == {"file", "title", "description", "example", "kind"}
    documents = list(read_documents(assets.path(f"data/{sample['file']}")))
    assert {bool(document.messages) for document in documents} == {sample["kind"] == "chat"}
    assert sample["example"] in assets.path(f"data/{sample['file']}").read_text(encoding="utf-8")
    told = re.match(r"(\d+) short chats", sample["description"])
    assert (int(told[1]) if told else None) == (len(documents) if sample["kind"] == "chat" else None)


@pytest.mark.parametrize("sample", LISTED, ids=lambda sample: sample["file"])
def test_bundled_model_knows_every_chunk_and_each_record_fits_its_window(sample, tokenizer):
    unknown = total = 0
    for document in read_documents(assets.path(f"data/{sample['file']}")):
        ids = [i for text in document.texts for i in tokenizer.encode(text)]
        assert len(ids) < 500
        unknown += ids.count(UNK_ID)
        total += len(ids)
    assert unknown < total / 1000


@pytest.mark.parametrize(
    ("name", "least", "shortest", "voice"),
    [("pirate.jsonl", 400, 4, PIRATE), ("butler.jsonl", 300, 4, BUTLER), ("robot.jsonl", 300, 2, ROBOT)],
)
def test_every_answer_has_the_voice_and_no_line_is_there_twice(name, least, shortest, voice):
    found = pairs(name)
    assert len(found) >= least
    assert max(collections.Counter(prompt for prompt, _ in found).values()) <= 2
    assert max(collections.Counter(answer for _, answer in found).values()) == 1
    assert [
        answer for _, answer in found if answer != answer.lower() or not shortest <= len(answer.split()) <= 25
    ] == []
    without = [answer for _, answer in found if not voice.search(answer)]
    assert len(without) <= len(found) / 20, without


def test_answers_do_not_all_begin_alike():
    for name in ("pirate.jsonl", "butler.jsonl", "robot.jsonl"):
        beginnings = collections.Counter(" ".join(answer.split()[:3]) for _, answer in pairs(name))
        assert max(beginnings.values()) < 20, beginnings.most_common(3)


def test_conversations_of_the_bundled_model():
    """At least 600, each a real exchange that ends with a reply, the openings varied."""
    documents = [document for name in CONVERSATIONS for document in read_documents(assets.path(f"data/{name}.jsonl"))]
    assert len(documents) >= 600
    for document in documents:
        roles = [message["role"] for message in document.messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2), document
        assert all(text.isascii() and text == text.strip() for text in document.texts), document
    exchanges = collections.Counter(tuple(text.lower() for text in document.texts) for document in documents)
    assert sum(count > 1 for count in exchanges.values()) <= 12
    assert sum(len(document.messages) > 2 for document in documents) >= 200


def test_questions_that_show_forgetting_were_never_learned():
    """The text that tells what a fine-tuned model forgot is not among what the bundled one was trained on."""
    recipe = assets.path("models/i3-mini/recipe")
    general = set(assets.path(RETENTION_DATA).read_text(encoding="utf-8").splitlines())
    for stage in ("pretrain", "chat"):
        config = TrainingConfig.from_dict(tomllib.loads((recipe / f"{stage}.toml").read_text(encoding="utf-8")))
        trained = {parse_source(place)[0].as_posix() for place in config.data}
        assert f"assets/{RETENTION_DATA}" not in trained
    for name in CONVERSATIONS:
        texts = {text for document in read_documents(assets.path(f"data/{name}.jsonl")) for text in document.texts}
        assert not texts & general
