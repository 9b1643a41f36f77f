"""One optimiser step: accumulation, memory that runs out, losses that are no number."""

import pytest
import torch

from i3core.errors import TrainingError
from i3core.training.config import TrainingConfig
from i3core.training.step import TrainStep


class SmallMemory:
    """Replaces a network's loss and has memory for only so many tokens, as a GPU would."""

    def __init__(self, network, tokens):
        self.loss, self.tokens, self.sequences = network.loss, tokens, []

    def __call__(self, ids, targets):
        self.sequences.append(len(ids))
        if ids.numel() > self.tokens:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.loss(ids, targets)


def small_step(build, tokens=10**9, **changes):
    """A step of a small network with memory for `tokens`."""
    settings = TrainingConfig(data=("-",), out="-", model="-", warmup_steps=0, **changes)
    model = build.model()
    model.network.loss = SmallMemory(model.network, tokens)
    return TrainStep(model.network, settings, model.device, 10)


def random_batch(sequences=8, width=16):
    source = torch.Generator().manual_seed(0)
    ids, targets = torch.randint(1, 150, (2, sequences, width), generator=source)
    targets[sequences // 2 :, width // 3 :] = -1  # micro-batches with different numbers of targets
    return ids, targets


@pytest.mark.parametrize(("tokens", "sequences"), [(128, 8), (127, 4), (64, 4), (40, 2), (16, 1)])
def test_batch_too_large_for_memory_is_halved_with_the_same_result(build, tokens, sequences):
    plenty, little = small_step(build), small_step(build, tokens)
    batches = [random_batch(), random_batch(sequences=6)]
    for step in range(3):
        expected = plenty.step(step, batches)
        assert little.step(step, batches) == pytest.approx(expected, rel=1e-4)
    # AdamW makes whole steps of gradients that are nothing but rounding: all weights are near, not each is equal.
    differences = torch.cat([(a - b).abs().flatten() for a, b in zip(plenty.trained, little.trained, strict=True)])
    assert differences.mean() < 1e-6
    assert little.micro_tokens == (0 if sequences == 8 else sequences * 16)
    assert max(little.network.loss.sequences[-4:]) <= sequences  # once found, the size stays
    little.load_state_dict(little.state_dict())
    assert little.micro_tokens == (0 if sequences == 8 else sequences * 16)


def test_single_sequence_too_large_for_memory_leaves_weights_and_names_a_remedy(build):
    train_step = small_step(build, tokens=15)
    before = [weight.clone() for weight in train_step.trained]
    with pytest.raises(TrainingError, match="single sequence of 16 tokens") as error:
        train_step.step(0, [random_batch()])
    assert "--last-blocks" in error.value.remedy
    assert all(torch.equal(one, other) for one, other in zip(before, train_step.trained, strict=True))
    assert all(weight.grad is None for weight in train_step.trained)


def test_other_errors_are_not_mistaken_for_a_lack_of_memory(build):
    train_step = small_step(build)
    ids, targets = random_batch()
    with pytest.raises(IndexError):
        train_step.step(0, [(ids + 10_000, targets)])


def test_find_micro_batch_does_not_train(build):
    train_step = small_step(build, tokens=40)
    before = [weight.clone() for weight in train_step.trained]
    train_step.find_micro_batch(8, 16)
    assert train_step.micro_tokens == 32
    assert all(torch.equal(one, other) for one, other in zip(before, train_step.trained, strict=True))
    assert all(weight.grad is None for weight in train_step.trained)


def test_accumulating_equals_one_large_batch(build):
    """Two batches of different numbers of targets count by targets, as if they were one."""
    settings = TrainingConfig(data=("-",), out="-", model="-", public_recipe=True, warmup_steps=0)
    source = torch.Generator().manual_seed(0)
    ids, targets = torch.randint(1, 150, (2, 4, 16), generator=source)
    targets[0, 3:] = -1
    results = []
    for batches in ([(ids, targets)], [(ids[:1], targets[:1]), (ids[1:], targets[1:])]):
        model = build.model()
        train_step = TrainStep(model.network, settings, model.device, 10)
        results.append(train_step.step(0, batches))
    assert results[0] == pytest.approx(results[1], rel=1e-4)


def test_failed_step_leaves_the_weights_unchanged(build):
    """The optimiser is not stepped with a loss that is no number."""
    model = build.model()
    with torch.no_grad():
        model.network.ln_f.weight.fill_(1e38)
    before = {name: weight.clone() for name, weight in model.network.named_parameters()}
    settings = TrainingConfig(data=("-",), out="-", model="-")
    train_step = TrainStep(model.network, settings, model.device, 10)
    ids = torch.randint(1, 150, (2, 16), generator=torch.Generator().manual_seed(0))
    with pytest.raises(TrainingError, match="loss became"):
        train_step.step(0, [(ids, ids)])
    assert all(torch.equal(before[name], weight) for name, weight in model.network.named_parameters())


@pytest.mark.parametrize("wrong", [float("inf"), float("nan")])
def test_an_overflow_in_one_matrix_skips_the_step_of_all_weights(build, wrong):
    train_step = small_step(build, optimizer="muon")
    train_step.scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    before = [weight.clone() for weight in train_step.trained]
    matrix = train_step.network.layers[0].ffn[0].weight
    hook = matrix.register_hook(lambda gradient: gradient * wrong)
    train_step.step(0, [random_batch()])
    assert all(torch.equal(a, b) for a, b in zip(before, train_step.trained, strict=True))
    assert train_step.scaler.get_scale() == 2.0
    hook.remove()
    train_step.step(1, [random_batch()])
    assert all(not torch.equal(a, b) for a, b in zip(before, train_step.trained, strict=True))
