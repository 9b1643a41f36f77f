"""The model that comes with the application."""

import math
import subprocess
import sys

import pytest

import i3core
from i3core.checkpoints.checkpoint import WEIGHT_FILES, find_model
from i3core.data.documents import read_documents
from i3core.evaluation.conversation_check import log_likelihoods
from i3core.model.config import preset


@pytest.fixture(scope="module")
def bundled():
    return i3core.load(device="cpu")


def test_bundled_model_has_its_size_and_window(bundled):
    assert bundled.name == "i3-mini"
    assert bundled.config == preset("i3-mini")
    assert bundled.template.kind == "special_tokens"
    assert bundled.warnings == ()
    assert sum(path.stat().st_size for path in bundled.folder.iterdir() if path.name in WEIGHT_FILES) <= 24e6
    assert find_model("i3-mini") == find_model(None) == bundled.folder


def test_bundled_model_answers_a_greeting(bundled):
    reasons = []
    for seed in range(10):
        pieces = list(
            i3core.generate(bundled, [{"role": "user", "content": "hello!"}], i3core.SamplingConfig(seed=seed))
        )
        text = "".join(piece.text for piece in pieces)
        assert text.strip()
        assert "<" not in text
        assert all(piece.token_id != 0 for piece in pieces)
        reasons.append(pieces[-1].finish_reason)
    assert reasons.count("stop") >= 8


def test_chatting_does_not_import_the_torch_compiler():
    """Which takes a second, before the first model is ready."""
    code = (
        "import sys, i3core\n"
        "for precision in ('auto', 'int8'):\n"
        "    model = i3core.load('i3-mini', device='cpu', precision=precision)\n"
        "    pieces = list(i3core.generate(model, 'hello', i3core.SamplingConfig(max_new_tokens=3)))\n"
        "    assert pieces and 'torch' in sys.modules\n"
        "    assert 'torch._dynamo' not in sys.modules, precision\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_bundled_model_predicts_held_out_replies(bundled, held_out):
    """Of a source like those it learned from; a few are enough to notice a wrong model. It learned replies only."""
    everything = read_documents(held_out / "chat.jsonl.xz")
    documents = [document for document in everything if document.source == "personality_friendly"][::7]
    template = bundled.template
    pairs = [(document.messages[:1], document.messages[1]["content"]) for document in documents]
    turns = [template.encode_turn({"role": "assistant", "content": reply}) for _, reply in pairs]
    tokens = [len(turn) - len(template.reply_opening()) for turn in turns]
    likelihoods = log_likelihoods(bundled, pairs)
    nats = -sum(mean * count for mean, count in zip(likelihoods, tokens, strict=True))
    assert nats / math.log(2) / sum(len(reply) for _, reply in pairs) <= 0.25
    assert not any(template.unreadable(reply) for _, reply in pairs)
