"""Every way of running the network gives what the plain sequential code gives."""

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from i3core.generation.generator import Generator
from i3core.model.config import ModelConfig
from i3core.model.layers import Linear
from i3core.model.lora import add_lora
from i3core.model.loss import head_loss
from i3core.model.reference import sequential_logits, sequential_loss
from i3core.model.state import KVCache

WINDOW = 24
FAMILIES = ["", "rwkv4:2+attention:1", "attention:1+rwkv4:1+rwkv_mamba:1+attention:1"]
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module", params=FAMILIES)
def small(request, build):
    return build.model(window=WINDOW, blocks=request.param)


def full_logits(model, ids):
    """Logits after the last of `ids`, from one whole forward pass."""
    with torch.no_grad():
        return model.network(torch.tensor([ids]))[0, -1]


def token_lists(least=1, most=WINDOW):
    return st.lists(st.integers(0, 149), min_size=least, max_size=most)


@pytest.mark.parametrize(
    "blocks", ["rwkv_mamba:1", "attention:1", "rwkv_mamba:3+attention:2", "rwkv4:1", "rwkv4:2+attention:1+rwkv_mamba:1"]
)
@pytest.mark.parametrize("tied", [False, True])
def test_forward_equals_the_sequential_code(build, blocks, tied):
    config = ModelConfig(40, 16, 4, 5, blocks=blocks, window=37, tie_embeddings=tied)
    network = build.network(config)
    ids = torch.randint(0, 40, (3, 37), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits, expected = network(ids), sequential_logits(network, ids)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, expected, **TOLERANCE)
    assert logits.std() > 0.5  # the comparison would be idle between constants


@given(inputs=st.integers(1, 40), outputs=st.integers(1, 40), shape=st.sampled_from([(), (1,), (1, 1), (1, 1, 1)]))
def test_linear_layer_of_any_size_multiplies_a_single_token(inputs, outputs, shape):
    layer = Linear(inputs, outputs)
    x = torch.randn(2, *shape, inputs)[1]
    with torch.no_grad():
        torch.testing.assert_close(layer(x), x @ layer.weight.T + layer.bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("blocks", ["rwkv_mamba:1+attention:1", "rwkv4:1+attention:1"])
def test_single_token_with_lora_equals_the_whole_pass(build, blocks):
    network = build.network(ModelConfig(40, 16, 4, 5, window=8, blocks=blocks))
    ids = torch.tensor([[7, 9]])
    add_lora(network, 2, 4.0)
    with torch.no_grad():
        for name, matrix in network.named_parameters():
            if name.endswith("lora_B"):
                matrix.fill_(0.1)
        expected, state = network(ids), network.new_state()
        torch.testing.assert_close(network(ids[:, :1]), expected[:, :1], **TOLERANCE)
        steps = torch.cat([network(ids[:, i : i + 1], state) for i in range(2)], 1)
    torch.testing.assert_close(steps, expected, **TOLERANCE)


@pytest.mark.parametrize("blocks", ["rwkv_mamba:2+attention:1", "rwkv4:2+attention:1"])
def test_gradients_equal_the_sequential_code(build, blocks):
    network = build.network(ModelConfig(40, 16, 4, 5, window=20, blocks=blocks))
    source = torch.Generator().manual_seed(2)
    ids, targets = torch.randint(0, 40, (2, 2, 20), generator=source)
    network.loss(ids, targets).backward()
    ours = {name: weight.grad.clone() for name, weight in network.named_parameters()}
    network.zero_grad()
    sequential_loss(network, ids, targets).backward()
    for name, weight in network.named_parameters():
        torch.testing.assert_close(ours[name], weight.grad, rtol=1e-3, atol=1e-5, msg=name)


def test_loss_ignores_negative_targets(build):
    network = build.network(ModelConfig(40, 16, 4, 5, 1, 1, window=8))
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.no_grad():
        masked = network.loss(ids, torch.tensor([[-1, 7, -1, 9]]))
        logits = network(ids)[0].log_softmax(-1)
    assert masked.item() == pytest.approx(-(logits[1, 7] + logits[3, 9]).item() / 2, rel=1e-5)


def test_batch_without_targets_has_no_loss_and_no_gradients(build):
    network = build.network(ModelConfig(40, 16, 4, 5, 1, 1, window=8))
    loss = network.loss(torch.tensor([[1, 2]]), torch.tensor([[-1, -1]]))
    loss.backward()
    assert loss.item() == 0
    assert all(weight.grad is None or not weight.grad.any() for weight in network.parameters())


def test_more_tokens_than_the_window_are_refused(small):
    with pytest.raises(ValueError, match="window"):
        small.network(torch.zeros(1, WINDOW + 1, dtype=torch.long))


@given(ids=token_lists(2), cuts=st.sets(st.integers(1, WINDOW - 1)))
def test_reading_in_parts_equals_reading_whole(small, ids, cuts):
    state, parts = small.network.new_state(), []
    edges = [0, *sorted(cut for cut in cuts if cut < len(ids)), len(ids)]
    with torch.inference_mode():
        for start, end in itertools.pairwise(edges):
            parts.append(small.network(torch.tensor([ids[start:end]]), state))
        whole = small.network(torch.tensor([ids]))
    torch.testing.assert_close(torch.cat(parts, 1), whole, **TOLERANCE)
    assert state.position == len(ids)


@given(rows=st.lists(token_lists(), min_size=1, max_size=4))
def test_rows_decoded_at_their_own_positions_equal_whole_passes(small, rows):
    """`decode` for any rows; a single row also at a plain number, which takes the fast path."""
    network, states = small.network, []
    with torch.inference_mode():
        for ids in rows:
            states.append(network.new_state())
            if len(ids) > 1:
                network(torch.tensor([ids[:-1]]), states[-1])
        layers = [
            KVCache(*(torch.cat(part) for part in zip(*((each.keys, each.values) for each in parts), strict=True)))
            if isinstance(parts[0], KVCache)
            else type(parts[0])(*(torch.cat(part) for part in zip(*(each.tensors for each in parts), strict=True)))
            for parts in zip(*(state.layers for state in states), strict=True)
        ]
        last = torch.tensor([ids[-1] for ids in rows])
        logits = network.decode(last, layers, torch.tensor([state.position for state in states]))
        for row, (ids, state) in enumerate(zip(rows, states, strict=True)):
            alone = network.decode(last[row : row + 1], state.layers, state.position)[0]
            torch.testing.assert_close(logits[row], full_logits(small, ids), **TOLERANCE)
            torch.testing.assert_close(alone, full_logits(small, ids), **TOLERANCE)


@given(prompt=token_lists(1, 6), data=st.data())
def test_any_walk_of_steps_snapshots_and_restores_equals_a_whole_pass(small, prompt, data):
    """After every operation the logits are those of a whole pass over the tokens on the present path."""
    generator, path = Generator(small), list(prompt)
    logits = generator.prefill(path)
    saved = [(generator.snapshot(), list(path))]
    for _ in range(data.draw(st.integers(1, 12))):
        action = data.draw(st.sampled_from(["step", "step", "snapshot", "restore"]))
        if action == "snapshot":
            saved.append((generator.snapshot(), list(path)))
            continue
        if action == "restore":
            del saved[data.draw(st.integers(1, len(saved))) :]  # a snapshot of what is forgotten must not be used
            snapshot, path = saved[-1][0], list(saved[-1][1])
            generator.restore(snapshot)
        token = data.draw(st.integers(0, 149))
        path.append(token)
        logits = generator.step(token)
        torch.testing.assert_close(logits, full_logits(small, path), **TOLERANCE)


@given(first=token_lists(), second=token_lists(), shared=st.integers(0, WINDOW))
def test_prefill_after_prefill_equals_a_whole_pass(small, first, second, shared):
    """A second prompt is answered rightly, whether or not it begins like the first."""
    generator = Generator(small)
    generator.prefill(first)
    prompt = [*first[:shared], *second][:WINDOW]
    torch.testing.assert_close(generator.prefill(prompt), full_logits(small, prompt), **TOLERANCE)


def test_growing_prompt_reads_only_new_tokens(small):
    read = []
    hook = small.network.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0].shape[1]))
    generator = Generator(small)
    generator.prefill([1, 2, 3])
    generator.step(4)
    generator.prefill([1, 2, 3, 4, 5, 6])
    generator.prefill([1, 2, 9])
    hook.remove()
    assert read == [3, 1, 2, 3]


@pytest.mark.parametrize("window", [8, 17, 24])
def test_generation_past_the_window_reads_its_last_half_again(build, window):
    """The rule: a token that does not fit makes the context the last window // 2 ids, read anew at position 0."""
    model = build.model(window=window, seed=3)
    context = [5, 6, 7]
    greedy = []
    for _ in range(3 * window):
        greedy.append(int(full_logits(model, context).argmax()))
        context.append(greedy[-1])
        if len(context) > window:
            context = context[-(window // 2) :]

    generator, ours = Generator(model), []
    logits = generator.prefill([5, 6, 7])
    for _ in range(3 * window):
        ours.append(int(logits.argmax()))
        logits = generator.step(ours[-1])
    assert ours == greedy
    assert len(set(greedy)) > 3  # a constant text would prove nothing


def test_window_of_one_token_continues(build):
    model = build.model(window=1)
    generator = Generator(model)
    generator.prefill([3])
    torch.testing.assert_close(generator.step(4), full_logits(model, [4]), **TOLERANCE)


def test_model_in_lower_precision_gives_float32_logits(small):
    device = dataclasses.replace(small.device, precision="bfloat16")
    rough = Generator(dataclasses.replace(small, device=device)).prefill([1, 2, 3])
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, full_logits(small, [1, 2, 3]), rtol=0.1, atol=0.3)


def test_float16_keeps_the_gradients_of_rare_tokens_in_the_head():
    # Most probabilities of a large vocabulary are below the smallest number of float16.
    source = torch.Generator().manual_seed(0)
    x, weight = torch.randn(64, 32, generator=source), 0.1 * torch.randn(4000, 32, generator=source)
    bias, targets = torch.zeros(4000), torch.randint(0, 2000, (64,), generator=source)
    bias[2000:] = -10
    found = []
    for half in (False, True):
        leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        with torch.autocast("cpu", dtype=torch.float16, enabled=half):
            head_loss(*leaves, targets).backward()
        found.append([leaf.grad for leaf in leaves])
    for exact, rounded in zip(*found, strict=True):
        rows = exact.reshape(len(exact), -1)
        errors = (rounded.reshape(rows.shape) - rows).norm(dim=1) / rows.norm(dim=1)
        assert errors.max() < 5e-3
