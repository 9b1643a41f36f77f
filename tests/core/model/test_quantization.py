"""int8 weights on the CPU: what they cost in quality, and that they are for inference alone."""

import copy
import gc
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from i3core.checkpoints.adapter_config import is_adapter
from i3core.checkpoints.checkpoint import load, load_adapter, save
from i3core.data.documents import read_documents
from i3core.errors import ConfigError, DeviceError, I3Error
from i3core.evaluation.perplexity import evaluate_documents
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator
from i3core.model import native
from i3core.model.layers import Linear
from i3core.model.lora import add_lora
from i3core.model.quantization import Int8Linear, has_int8_kernel, quantize
from i3core.system import assets
from i3core.training.config import TrainingConfig


def layer_of(inputs, outputs, seed=0):
    source = torch.Generator().manual_seed(seed)
    layer = Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(outputs, inputs, generator=source))
        layer.bias.copy_(torch.randn(outputs, generator=source))
    return layer


def in_int8(layer, use_kernel):
    quantized = Int8Linear(layer)
    quantized.use_kernel = use_kernel and has_int8_kernel()
    return quantized


@pytest.fixture(scope="module")
def small_folder(build, tmp_path_factory):
    return build.folder(tmp_path_factory.mktemp("int8") / "model", tie_embeddings=True)


@pytest.fixture(scope="module")
def rwkv4_folder(build, tmp_path_factory):
    """The larger sibling in small: RWKV-4 blocks and byte-level BPE."""
    return build.folder(tmp_path_factory.mktemp("int8") / "rwkv4", kind="bpe", blocks="rwkv4:2+attention:1")


# ------------------------------------------------------------------------------------------------------ one layer


@pytest.mark.parametrize("use_kernel", [True, False])
@given(inputs=st.integers(1, 70), outputs=st.integers(1, 70), rows=st.integers(0, 9), seed=st.integers(0, 99))
def test_layer_of_any_size_multiplies_by_its_rounded_weights(use_kernel, inputs, outputs, rows, seed):
    layer = layer_of(inputs, outputs, seed)
    quantized = in_int8(layer, use_kernel)
    weight = quantized.values[:, :inputs].double() * quantized.scale.double()[:, None]
    assert ((weight - layer.weight).abs() <= 0.51 * quantized.scale.double()[:, None]).all()
    x = torch.randn(rows, inputs, generator=torch.Generator().manual_seed(seed))
    y = quantized(x)
    # bfloat16 keeps 8 binary digits of x and of the sum; the products are those of the definition.
    slack = 2**-7 * ((x.double().abs() @ weight.abs().T) + 1)
    assert y.dtype == torch.float32
    assert ((y - (x.double() @ weight.T + layer.bias.double())).abs() <= slack).all()
    for i in range(rows):
        torch.testing.assert_close(quantized.matvec(x[i : i + 1]), y[i : i + 1])


@pytest.mark.parametrize("use_kernel", [True, False])
def test_rows_from_tiny_to_huge_keep_their_precision(use_kernel):
    layer = layer_of(64, 4)
    with torch.no_grad():
        layer.bias.zero_()
        layer.weight.copy_(layer.weight * torch.tensor([0.0, 1e-20, 1.0, 1e20])[:, None])
    x = torch.randn(3, 64, generator=torch.Generator().manual_seed(1))
    y = in_int8(layer, use_kernel)(x)
    exact = x @ layer.weight.T
    assert (y[:, 0] == 0).all()
    torch.testing.assert_close(
        y / (exact.abs().amax(0) + 1e-30), exact / (exact.abs().amax(0) + 1e-30), atol=0.03, rtol=0
    )


@pytest.mark.parametrize("use_kernel", [True, False])
def test_views_of_other_tensors_are_valid_inputs(use_kernel):
    quantized = in_int8(layer_of(48, 20), use_kernel)
    whole = torch.randn(3, 5, 49, generator=torch.Generator().manual_seed(1))
    for x in (whole[:, -1:, 1:], whole[..., 1:].transpose(0, 1), whole[1, 2, 1:], whole.bfloat16()[:, :, 1:]):
        y = quantized(x)
        assert y.shape == (*x.shape[:-1], 20)
        torch.testing.assert_close(y, quantized(x.clone(memory_format=torch.contiguous_format)))


def test_row_does_not_depend_on_other_rows():
    quantized = in_int8(layer_of(64, 100), True)
    x = torch.randn(9, 64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(quantized(x), torch.cat([quantized(row[None]) for row in x])) or not has_int8_kernel()


def test_head_loss_equals_cross_entropy():
    head = in_int8(layer_of(32, 50), True)
    x = torch.randn(7, 32, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([3, -1, 49, 0, -100, 7, 7])
    wanted = targets >= 0
    expected = torch.nn.functional.cross_entropy(head(x)[wanted], targets[wanted])
    torch.testing.assert_close(head.loss(x, targets), expected)
    assert head.loss(x, torch.full((7,), -1)) == 0


# ---------------------------------------------------------------------------------------------------- whole models


def test_every_linear_layer_is_quantized_and_nothing_else(small_folder):
    model = load(small_folder, precision="int8")
    full = load(small_folder, device="cpu")
    assert "int8" in model.device.describe()
    linear = {name for name, layer in full.network.named_modules() if isinstance(layer, Linear)}
    assert {name for name, layer in model.network.named_modules() if isinstance(layer, Int8Linear)} == linear
    assert "head" in linear
    kept = dict(model.network.named_parameters())
    assert torch.equal(kept.pop("embed.weight"), full.network.embed.weight)  # tied: the head alone is rounded
    assert all(weight.dtype == torch.float32 and not weight.requires_grad for weight in kept.values())
    assert model.parameters == full.parameters


@pytest.mark.parametrize("name", ["small_folder", "rwkv4_folder"])
def test_reading_token_by_token_equals_reading_at_once(request, name):
    network = load(request.getfixturevalue(name), precision="int8").network
    assert any(isinstance(layer, Int8Linear) for layer in network.layers[0].modules())
    ids = torch.randint(1, network.config.vocab_size, (1, network.config.window), generator=torch.Generator())
    with torch.inference_mode():
        whole, state = network(ids), network.new_state()
        steps = torch.cat([network(ids[:, i : i + 1], state) for i in range(ids.shape[1])], 1)
    spread = whole.std()
    assert (steps - whole).abs().mean() < 0.02 * spread
    assert (steps.argmax(-1) == whole.argmax(-1)).float().mean() > 0.9


@pytest.mark.parametrize("use_kernel", [True, False])
def test_perplexity_on_unseen_text_is_within_one_percent(use_kernel):
    documents = list(read_documents(assets.path("data/small-talk.jsonl")))[:40]
    full, model = load(precision="float32", device="cpu"), load(precision="int8", device="cpu")
    for layer in model.network.modules():
        if isinstance(layer, Int8Linear):
            layer.use_kernel = use_kernel and has_int8_kernel()
    before, after = (evaluate_documents(m.network, m.template, m.device, documents).perplexity for m in (full, model))
    assert after == pytest.approx(before, rel=0.01)
    assert after != before


@pytest.mark.skipif(native.best_library() is None, reason="the library was not built")
def test_perplexity_in_int4_is_within_three_percent():
    documents = list(read_documents(assets.path("data/small-talk.jsonl")))[:40]
    model = load(precision="float32", device="cpu")
    before = evaluate_documents(model.network, model.template, model.device, documents).perplexity
    quantize(model.network, 4)
    assert evaluate_documents(model.network, model.template, model.device, documents).perplexity < 1.03 * before


@pytest.mark.parametrize("name", ["small_folder", "rwkv4_folder"])
def test_int8_model_generates_and_repeats_with_its_seed(request, name):
    small_folder = request.getfixturevalue(name)
    config = SamplingConfig(max_new_tokens=30, seed=5)
    replies = [
        "".join(piece.text for piece in Generator(load(small_folder, precision="int8")).stream("the cat", config))
        for _ in range(2)
    ]
    assert replies[0] == replies[1] != ""


def test_adapter_is_merged_before_weights_are_rounded(build, small_folder, tmp_path):
    model = load(small_folder, device="cpu")
    add_lora(model.network, 4, 8.0)
    with torch.no_grad():
        for name, matrix in model.network.named_parameters():
            if name.endswith("lora_B"):
                matrix.fill_(0.05)
    save(model, tmp_path / "adapter")
    assert is_adapter(tmp_path / "adapter")
    expected = quantize(load(tmp_path / "adapter", device="cpu").network)
    adapted = load(tmp_path / "adapter", precision="int8", device="cpu")
    ids = torch.tensor([[1, 5, 9]])
    assert torch.equal(adapted.network(ids), expected(ids))
    assert adapted.device.precision == "int8"
    with pytest.raises(I3Error, match="int8"):
        load_adapter(tmp_path / "adapter", "cpu", "int8")


# -------------------------------------------------------------------------------------------- for inference alone


def test_training_saving_and_adapting_are_refused(small_folder, tmp_path):
    model = load(small_folder, precision="int8", device="cpu")
    for attempt in (
        lambda: model.network.train(),
        lambda: add_lora(model.network, 2, 4.0),
        lambda: save(model, tmp_path / "copy"),
        lambda: save(model, tmp_path / "copy", "public"),
        lambda: model.network.head.weight,
    ):
        with pytest.raises(I3Error, match=r"int8.*float32"):
            attempt()
    assert not (tmp_path / "copy").exists()
    assert copy.deepcopy(model.network)(torch.tensor([[1, 2]])).shape[:2] == (1, 2)


def test_int8_on_a_gpu_is_refused(small_folder, pretended_cards):
    pretended_cards((8, 0))
    with pytest.raises(DeviceError, match="bfloat16"):
        load(small_folder, precision="int8")
    assert load(small_folder, "cpu", "int8").device.precision == "int8"


def test_int4_on_a_gpu_is_refused(small_folder, pretended_cards):
    pretended_cards((8, 0))
    with pytest.raises(DeviceError, match=r"int4.*bfloat16"):
        load(small_folder, precision="int4")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads what Linux has mapped")
def test_float32_weights_are_freed(small_folder):
    def mapped():
        gc.collect()
        return str(small_folder / "model.safetensors") in Path("/proc/self/maps").read_text()

    full = load(small_folder, device="cpu")
    assert mapped()  # float32 weights are used where they lie, in the file
    del full
    small = load(small_folder, device="cpu", precision="int8")
    assert not mapped()
    assert small.network.embed.weight.dtype == torch.float32


def test_training_config_refuses_int8():
    with pytest.raises(ConfigError, match="precision"):
        TrainingConfig(data=("x",), model="i3-mini", out="runs/x", precision="int8")
