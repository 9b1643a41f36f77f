"""What is trained: LoRA matrices, last blocks; gradients of a frozen head; optimisers of what is left."""

import copy
import dataclasses
import pickle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from i3core.errors import TrainingError
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import generate
from i3core.model.lora import add_lora, lora_layers, merge_lora, train_last_blocks
from i3core.model.loss import head_loss
from i3core.training.config import TrainingConfig
from i3core.training.optimizers import build_optimizers

RWKV4 = {"kind": "bpe", "blocks": "rwkv4:2+attention:1"}  # the larger sibling in small
SOURCE = torch.Generator().manual_seed(0)
IDS = torch.randint(0, 150, (3, 20), generator=SOURCE)
TARGETS = torch.randint(0, 150, (3, 20), generator=SOURCE)


def lora_network(build, rank=4, alpha=16.0, seed=0, trained=True, **sizes):
    """A network with LoRA matrices that are no longer zero."""
    network = build.model(**sizes).network
    torch.manual_seed(seed)
    add_lora(network, rank, alpha)
    if trained:
        with torch.no_grad():
            for layer in lora_layers(network).values():
                layer.lora_B.normal_(std=0.2)
    return network


def trainable(network):
    return {name for name, weight in network.named_parameters() if weight.requires_grad}


def naive_logits(network, ids):
    """The network with each LoRA layer replaced by a plain one with W + alpha / rank * B A, written out."""
    plain = copy.deepcopy(network)
    for name, layer in lora_layers(network).items():
        other = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
        rank = layer.lora_A.shape[0]
        with torch.no_grad():
            other.weight.copy_(layer.weight + layer.alpha / rank * (layer.lora_B @ layer.lora_A))
            if layer.bias is not None:
                other.bias.copy_(layer.bias)
        other.matvec = other.forward
        plain.set_submodule(name, other)
    with torch.no_grad():
        return plain(ids)


# --------------------------------------------------------------------------------------------------- the loss


@pytest.mark.parametrize("needed", [(x, w, b) for x in (0, 1) for w in (0, 1) for b in (0, 1)])
@pytest.mark.parametrize("rows_at_once", [16, 10**6])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_head_loss_computes_only_the_gradients_that_are_needed(monkeypatch, needed, rows_at_once, scale):
    monkeypatch.setattr("i3core.model.loss.LOGITS_AT_ONCE", rows_at_once * 50)
    source = torch.Generator().manual_seed(1)
    values = [torch.randn(shape, generator=source) for shape in ((70, 12), (50, 12), (50,))]
    targets = torch.randint(-1, 50, (70,), generator=source)
    ours, theirs = ([v.clone().requires_grad_(bool(n)) for v, n in zip(values, needed, strict=True)] for _ in range(2))
    loss = head_loss(*ours, targets)
    expected = F.cross_entropy(F.linear(*theirs), targets, ignore_index=-1)
    torch.testing.assert_close(loss, expected)
    if not any(needed):
        assert not loss.requires_grad
        return
    (loss * scale).backward()
    (expected * scale).backward()
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.grad is None) == (other.grad is None)
        if other.grad is not None:
            torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-6)


# --------------------------------------------------------------------------------------------------- LoRA


def test_new_matrices_change_nothing_and_depend_on_the_seed_alone(build):
    before = build.model().network
    one, same, other = (lora_network(build, seed=seed, trained=False) for seed in (1, 1, 2))
    with torch.no_grad():
        assert torch.equal(one(IDS), before(IDS))
    for name, weight in one.named_parameters():
        assert torch.equal(weight, same.get_parameter(name))
        assert torch.equal(weight, other.get_parameter(name)) == ("lora_A" not in name)


@pytest.mark.parametrize("tied", [True, False])
def test_only_the_blocks_linear_layers_get_matrices_and_only_these_are_trained(build, tied):
    network = lora_network(build, rank=3, tie_embeddings=tied)
    names = {f"layers.{i}.ffn.{j}" for i in range(3) for j in (0, 2)} | {"layers.2.attn.qkv", "layers.2.attn.out_proj"}
    assert set(lora_layers(network)) == names
    assert trainable(network) == {f"{name}.lora_{part}" for name in names for part in "AB"}
    network.loss(IDS, TARGETS).backward()
    for name, weight in network.named_parameters():
        assert (weight.grad is not None) == (".lora_" in name), name


@pytest.mark.parametrize("sizes", [{}, RWKV4])
def test_output_equals_weights_plus_the_product(build, sizes):
    network = lora_network(build, rank=3, alpha=7.0, **sizes)
    with torch.no_grad():
        assert not torch.allclose(network(IDS), build.model(**sizes).network(IDS), atol=1e-2)
        torch.testing.assert_close(network(IDS), naive_logits(network, IDS), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sizes", [{}, RWKV4])
def test_token_by_token_equals_all_at_once(build, sizes):
    network = lora_network(build, **sizes)
    with torch.no_grad():
        expected, state = network(IDS[:1]), network.new_state()
        steps = [network(IDS[:1, i : i + 1], state) for i in range(IDS.shape[1])]
    torch.testing.assert_close(torch.cat(steps, 1), expected, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def plain(build):
    """The state dict of the network without LoRA."""
    return build.model().network.state_dict()


@given(rank=st.integers(1, 32), alpha=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_merging_changes_no_logits(build, plain, rank, alpha, seed):
    network = lora_network(build, rank, alpha, seed)
    with torch.no_grad():
        for layer in lora_layers(network).values():
            layer.lora_B /= layer.scaling * rank
        expected = network(IDS)
    merged = merge_lora(copy.deepcopy(network))
    assert not lora_layers(merged)
    assert merged.state_dict().keys() == plain.keys()
    assert all(weight.requires_grad for weight in merged.parameters())
    with torch.no_grad():
        torch.testing.assert_close(merged(IDS), expected, rtol=1e-3, atol=1e-3)


def test_all_linear_layers_of_rwkv_4_get_matrices_and_merge(build):
    network = lora_network(build, **RWKV4)
    layers = {f"layers.{i}.att.{name}" for i in (0, 1) for name in ("key", "value", "receptance", "output")}
    layers |= {f"layers.{i}.ffn.{name}" for i in (0, 1) for name in ("key", "receptance", "value")}
    assert layers < set(lora_layers(network))
    network.loss(IDS, TARGETS).backward()
    assert all(weight.grad is not None for weight in network.parameters() if weight.requires_grad)
    merged = merge_lora(copy.deepcopy(network))
    assert merged.state_dict().keys() == build.model(**RWKV4).network.state_dict().keys()
    with torch.no_grad():
        torch.testing.assert_close(merged(IDS), network(IDS), rtol=1e-3, atol=1e-3)


def test_gradients_are_those_of_the_definition(build):
    network = lora_network(build, rank=3, alpha=7.0)
    layer = network.layers[1].ffn[0]
    x, slope = torch.randn(5, 32, requires_grad=True), torch.randn(5, 128)
    layer(x).backward(slope)
    ours = x.grad, layer.lora_A.grad, layer.lora_B.grad
    lora_A, lora_B = layer.lora_A.detach().requires_grad_(), layer.lora_B.detach().requires_grad_()
    expected = x @ (layer.weight + 7 / 3 * lora_B @ lora_A).T + layer.bias
    for mine, other in zip(ours, torch.autograd.grad(expected, (x, lora_A, lora_B), slope), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


def test_training_in_half_precision_keeps_the_matrices_in_float32(build):
    network = lora_network(build)
    with torch.autocast("cpu", torch.bfloat16):
        loss = network.loss(IDS, TARGETS)
    loss.backward()
    assert {weight.grad.dtype for weight in network.parameters() if weight.requires_grad} == {torch.float32}
    torch.testing.assert_close(loss, network.loss(IDS, TARGETS), rtol=0.05, atol=0.05)


def test_network_with_lora_can_be_copied_pickled_and_generates(build):
    model = build.model()
    network = lora_network(build)
    with torch.no_grad():
        expected = network(IDS)
        network(IDS[:1, :1], network.new_state())  # fills the cut weights of the fast path
        for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
            assert torch.equal(other(IDS), expected)
    config = SamplingConfig(temperature=0.0, max_new_tokens=12, seed=1)
    said = [
        [piece.token_id for piece in generate(dataclasses.replace(model, network=n), "the cat", config)]
        for n in (network, merge_lora(copy.deepcopy(network)))
    ]
    assert said[0] == said[1]


def test_training_moves_only_the_matrices(build):
    network = lora_network(build, trained=False)
    before = copy.deepcopy(network.state_dict())
    optimizers = build_optimizers(network, TrainingConfig(data=("d",), out="o", model="m", lr=1e-2))
    losses = []
    for _ in range(20):
        loss = network.loss(IDS, TARGETS)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, before[name]) == (".lora_" not in name), name


@pytest.mark.parametrize("rank", [-1, 0, 33, True, 2.0])
def test_rank_out_of_range_is_refused(build, rank):
    network = build.model().network
    with pytest.raises(TrainingError, match="from 1 to 32"):
        add_lora(network, rank, 16.0)
    assert all(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), float("inf"), "16"])
def test_invalid_alpha_is_refused(build, alpha):
    with pytest.raises(TrainingError, match="alpha"):
        add_lora(build.model().network, 4, alpha)


def test_matrices_are_not_added_twice(build):
    with pytest.raises(TrainingError, match="already"):
        add_lora(lora_network(build), 4, 16.0)


# --------------------------------------------------------------------------------------------------- last blocks


@pytest.mark.parametrize("count", [1, 2, 3])
def test_last_blocks_and_final_norm_are_trained(build, count):
    network = build.model().network
    train_last_blocks(network, count)
    blocks = tuple(f"layers.{i}." for i in range(3 - count, 3))
    assert trainable(network) == {n for n, _ in network.named_parameters() if n.startswith((*blocks, "ln_f."))}
    network.loss(IDS, TARGETS).backward()
    whole = build.model().network
    whole.loss(IDS, TARGETS).backward()
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            torch.testing.assert_close(weight.grad, whole.get_parameter(name).grad)
        else:
            assert weight.grad is None


@pytest.mark.parametrize("count", [-1, 0, 4, True, 1.0])
def test_impossible_number_of_blocks_is_refused(build, count):
    with pytest.raises(TrainingError, match="has 3 blocks"):
        train_last_blocks(build.model().network, count)


# --------------------------------------------------------------------------------------------------- optimisers


def optimized(network, **options):
    """Name -> (kind of optimiser, weight decay) of each weight that an optimiser holds."""
    names = {weight: name for name, weight in network.named_parameters()}
    found = {}
    for optimizer in build_optimizers(network, TrainingConfig(data=("d",), out="o", model="m", **options)):
        assert optimizer.param_groups
        for group in optimizer.param_groups:
            assert group["params"]
            assert group["peak_lr"] == group["lr"]
            for weight in group["params"]:
                assert names[weight] not in found
                found[names[weight]] = type(optimizer).__name__, group["weight_decay"]
    return found


@pytest.mark.parametrize("options", [{}, {"optimizer": "muon"}, {"public_recipe": True}])
@pytest.mark.parametrize("mode", ["all", "last blocks", "lora"])
@pytest.mark.parametrize("tied", [True, False])
def test_each_trained_weight_has_one_optimiser_and_frozen_ones_none(build, options, mode, tied):
    network = build.model(tie_embeddings=tied).network
    if mode == "lora":
        add_lora(network, 2, 4.0)
    elif mode == "last blocks":
        train_last_blocks(network, 1)
    found = optimized(network, **options)
    assert set(found) == trainable(network)
    if mode == "lora" and not options.get("public_recipe"):
        assert set(found.values()) == {("AdamW", 0.0)}
    if options.get("optimizer") == "muon" and mode != "lora":
        matrices = {name for name, (kind, _) in found.items() if kind == "Muon"}
        assert matrices == {
            name
            for name, weight in network.named_parameters()
            if weight.requires_grad and name.endswith(("qkv.weight", "out_proj.weight", "ffn.0.weight", "ffn.2.weight"))
        }


def test_muon_alone_has_no_empty_companion(build):
    network = build.model().network.requires_grad_(False)
    network.layers[0].ffn[0].weight.requires_grad_(True)
    assert optimized(network, optimizer="muon") == {"layers.0.ffn.0.weight": ("Muon", 0.05)}


@pytest.mark.parametrize("options", [{}, {"optimizer": "muon"}, {"public_recipe": True}])
def test_nothing_to_train_is_an_error(build, options):
    with pytest.raises(TrainingError, match="nothing to train"):
        optimized(build.model().network.requires_grad_(False), **options)
