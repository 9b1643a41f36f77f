"""Decoding in one call of the C library equals decoding with torch, whatever the processor, threads and states."""

import copy
import gc
import itertools

import psutil
import pytest
import torch
from torch.nn.functional import cross_entropy

from i3core.checkpoints.checkpoint import load
from i3core.data.documents import read_documents
from i3core.errors import DeviceError
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator
from i3core.model import native
from i3core.model.config import ModelConfig
from i3core.model.layers import Linear
from i3core.model.lora import add_lora, merge_lora
from i3core.model.quantization import Int4Linear, quantize
from i3core.system import assets

KINDS = [kind for kind in native.KINDS if native.open_library(kind) is not None]

pytestmark = pytest.mark.skipif(not KINDS, reason="the library was not built")


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    monkeypatch.setattr(native, "best_library", lambda: native.open_library(request.param))
    return request.param


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def network_of(build, **sizes):
    sizes = {"vocab_size": 67, "d_model": 64, "n_heads": 4, "d_state": 5, "window": 40, "ffn_width": 192} | sizes
    return build.network(ModelConfig(**{"hybrid_layers": 2, "attention_layers": 2, **sizes}))


@torch.inference_mode()
def logits_of(network, ids, natively, state=None):
    network.uses_native_step = natively
    state = network.new_state() if state is None else state
    return torch.cat([network(torch.tensor([[token]]), state)[0] for token in ids])


def ids_of(count, seed=0):
    return torch.randint(1, 67, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def native_agrees(network, within, count=40):
    ids = ids_of(count)
    expected = logits_of(network, ids, False)
    assert (logits_of(network, ids, True) - expected).abs().max() < within * expected.abs().max()
    return network


@pytest.mark.parametrize(
    "sizes",
    [
        {}, {"attention_layers": 0}, {"hybrid_layers": 0}, {"blocks": "attention:1+rwkv_mamba:1+attention:1"},
        {"d_model": 36, "n_heads": 3, "ffn_width": 50, "vocab_size": 71, "d_state": 1}, {"tie_embeddings": True},
    ],
    ids=str,
)  # fmt: skip
def test_logits_in_float32_are_those_of_torch(build, kind, sizes):
    native_agrees(network_of(build, **sizes), 2e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_any_number_of_threads_gives_the_same(build, threads, count):
    threads(count)
    network = native_agrees(network_of(build), 2e-5, count=9)
    native_agrees(quantize(network), 0.05, count=9)


def test_logits_in_int8_are_near_those_of_torch(build, kind):
    """Torch rounds what it multiplies by to bfloat16, the library to whole numbers: errors of under a percent each."""
    native_agrees(quantize(network_of(build, vocab_size=70)), 0.05)


@torch.inference_mode()
def test_layer_in_int4_multiplies_by_its_nearest_sixteenths():
    torch.manual_seed(0)
    layer = Linear(128, 12)
    quantized = Int4Linear(layer)
    weight, scale = quantized.weights(slice(None)), quantized.scale.repeat_interleave(64, 1)
    inside = (layer.weight / scale).round().abs() <= 7
    assert ((weight - layer.weight).abs() <= 0.5001 * scale.abs())[inside].all()
    assert (weight - layer.weight).square().mean() < 0.01 * layer.weight.square().mean()
    x = torch.randn(3, 5, 128)
    torch.testing.assert_close(quantized(x), torch.nn.functional.linear(x, weight, layer.bias))
    assert quantized.nbytes < 0.6 * layer.weight.numel() + 4 * 12


def test_logits_in_int4_are_near_those_of_its_weights(build, kind):
    native_agrees(quantize(network_of(build, vocab_size=70), 4), 0.05)


def test_short_prompt_in_int4_continues_as_one_that_is_read_at_once(build):
    network, ids = quantize(network_of(build), 4), torch.tensor([ids_of(20)])
    with torch.inference_mode():
        one, other = network.new_state(), network.new_state()
        shorter = network(ids, one, last_only=True)
        network.read_singly = 1
        longer = network(ids, other, last_only=True)
    assert one.position == other.position == 20
    assert (shorter - longer).abs().max() < 0.05 * longer.abs().max()


@pytest.mark.parametrize("precision", ["float32", "int8", "int4"])
def test_bundled_model_predicts_as_well_natively(precision):
    """`test_quantization.py` compares the precisions; here the same weights are multiplied in two ways."""
    model = load(None, "cpu", precision)
    texts = [text for document in read_documents(assets.path("data/small-talk.jsonl")) for text in document.texts]
    ids = torch.tensor([model.template.encode_text(" ".join(texts[:12]))[:120]])
    with torch.inference_mode():
        expected = cross_entropy(model.network(ids)[0, :-1], ids[0, 1:])
    natively = cross_entropy(logits_of(model.network, ids[0].tolist(), True)[:-1], ids[0, 1:])
    assert float(natively - expected) < 0.01


def test_int4_without_the_library_is_refused(monkeypatch):
    monkeypatch.setattr(native, "best_library", lambda: None)
    with pytest.raises(DeviceError, match=r"compiled decoder.*int8"):
        load(None, "cpu", "int4")


def test_int4_of_other_blocks_is_refused(build):
    with pytest.raises(DeviceError, match="int8"):
        quantize(network_of(build, blocks="rwkv4:1+attention:1"), 4)


def test_earlier_states_can_be_continued_from(build):
    network, ids = network_of(build), ids_of(30)
    whole = logits_of(network, ids, True)
    state = network.new_state()
    logits_of(network, ids[:10], True, state)
    saved = [layer if hasattr(layer, "keys") else layer.copy() for layer in state.layers]
    logits_of(network, ids_of(5, seed=9), True, state)  # another continuation, overwritten below
    state.position, state.layers = 10, saved
    assert torch.equal(logits_of(network, ids[10:], True, state), whole[10:])


def test_prompt_read_at_once_continues_natively(build):
    network, ids = network_of(build), ids_of(30)
    expected = logits_of(network, ids, False)
    with torch.inference_mode():
        network.uses_native_step, state = True, network.new_state()
        network(torch.tensor([ids[:20]]), state)
    assert (logits_of(network, ids[20:], True, state) - expected[20:]).abs().max() < 2e-5 * expected.abs().max()


def test_weights_that_change_are_noticed(build):
    network = native_agrees(network_of(build), 2e-5)
    with torch.no_grad():
        network.head.weight.mul_(2)  # as an optimizer does
        native_agrees(network, 2e-5)
        network.layers[0].ffn[0].weight.data = network.layers[0].ffn[0].weight * 3
    native_agrees(network, 2e-5)
    network.load_state_dict(network_of(build, d_state=5).state_dict(), assign=True)
    native_agrees(network, 2e-5)


def test_lora_is_left_to_torch_until_it_is_merged(build):
    network = native_agrees(network_of(build), 2e-5)
    torch.manual_seed(0)
    add_lora(network, 2, 4.0)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith("lora_B"):
                weight.normal_()
    native_agrees(network, 2e-5)
    assert not torch.equal(logits_of(network, [1], True), logits_of(network_of(build), [1], True))
    native_agrees(merge_lora(network), 2e-5)


def test_copies_of_a_network_decode_for_themselves(build):
    network = native_agrees(network_of(build), 2e-5)
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.head.weight.mul_(-1)
    ids = ids_of(5)
    assert not torch.equal(logits_of(network, ids, True), logits_of(other, ids, True))
    native_agrees(other, 2e-5)


def test_other_blocks_and_other_states_are_left_to_torch(build):
    network = network_of(build, blocks="rwkv4:1+attention:1", n_heads=4)
    assert torch.equal(logits_of(network, ids_of(9), True), logits_of(network, ids_of(9), False))


def test_without_the_library_replies_are_the_same(build, monkeypatch):
    model, config = build.model(), SamplingConfig(max_new_tokens=30, seed=3)
    natively = [piece.token_id for piece in Generator(model).stream("the cat", config)]
    monkeypatch.setattr(native, "best_library", lambda: None)
    model.network.forget_native_step()
    assert [piece.token_id for piece in Generator(model).stream("the cat", config)] == natively


def test_networks_that_are_gone_leave_no_threads_behind(build, threads):
    threads(4)
    logits_of(network_of(build), [1], False)  # torch's own threads
    before = psutil.Process().num_threads()
    for _ in range(3):
        logits_of(network_of(build), [1], True)
        gc.collect()
    assert psutil.Process().num_threads() <= before


@pytest.mark.parametrize("token", [0, 66])
def test_first_and_last_token_have_their_embeddings(build, token):
    network = network_of(build)
    pairs = itertools.product([token], [True, False])
    one, other = (logits_of(network, [token], natively) for token, natively in pairs)
    assert (one - other).abs().max() < 2e-5 * other.abs().max()
