"""One optimiser step: accumulation, memory that runs out, losses that are no number."""

import pytest
import torch

from i3core.errors import TrainingError
from i3core.training.config import TrainingConfig
from i3core.training.step import TrainStep


class SmallMemory(torch.nn.Module):
    """Stands where the network is asked for its loss and has room for only so many tokens, as a card would."""

    def __init__(self, network, tokens):
        super().__init__()
        self.network, self.tokens, self.seen = network, tokens, []

    def forward(self, ids, targets):
        self.seen.append(len(ids))
        if ids.numel() > self.tokens:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.network.loss(ids, targets)


def small_trainer(build, tokens=None, **changes):
    settings = TrainingConfig(data=("-",), out="-", model="-", warmup_steps=0, **changes)
    model = build.model()
    trainer = TrainStep(model.network, settings, model.device, 10)
    if tokens:
        trainer._loss = SmallMemory(model.network, tokens)
    return trainer


def random_batch(rows=8, width=16):
    source = torch.Generator().manual_seed(0)
    ids, targets = torch.randint(1, 150, (2, rows, width), generator=source)
    targets[rows // 2 :, width // 3 :] = -1  # pieces with different numbers of targets
    return ids, targets


@pytest.mark.parametrize(("tokens", "rows"), [(128, 8), (127, 4), (64, 4), (40, 2), (16, 1)])
def test_what_does_not_fit_into_memory_is_taken_in_halves_with_the_same_result(build, tokens, rows):
    plenty, little = small_trainer(build), small_trainer(build, tokens)
    batches = [random_batch(), random_batch(rows=6)]
    for step in range(3):
        expected = plenty.step(step, batches)
        assert little.step(step, batches) == pytest.approx(expected, rel=1e-4)
    # AdamW makes whole steps of gradients that are nothing but rounding: all weights are near, not each is equal.
    differences = torch.cat([(a - b).abs().flatten() for a, b in zip(plenty.trained, little.trained, strict=True)])
    assert differences.mean() < 1e-6
    assert little.micro_tokens == (0 if rows == 8 else rows * 16)
    assert max(little._loss.seen[-4:]) <= rows  # once found, the size stays
    little.load_state_dict(little.state_dict())
    assert little.micro_tokens == (0 if rows == 8 else rows * 16)


def test_when_not_even_one_row_fits_the_weights_stay_and_the_remedy_is_named(build):
    trainer = small_trainer(build, tokens=15)
    before = [weight.clone() for weight in trainer.trained]
    with pytest.raises(TrainingError, match="single sequence of 16 tokens") as error:
        trainer.step(0, [random_batch()])
    assert "--last-blocks" in error.value.remedy
    assert all(torch.equal(one, other) for one, other in zip(before, trainer.trained, strict=True))
    assert all(weight.grad is None for weight in trainer.trained)


def test_other_errors_are_not_taken_for_a_lack_of_memory(build):
    trainer = small_trainer(build)
    ids, targets = random_batch()
    with pytest.raises(IndexError):
        trainer.step(0, [(ids + 10_000, targets)])


def test_a_rehearsal_finds_the_size_without_training(build):
    trainer = small_trainer(build, tokens=40)
    before = [weight.clone() for weight in trainer.trained]
    trainer.find_micro_batch(8, 16)
    assert trainer.micro_tokens == 32
    assert all(torch.equal(one, other) for one, other in zip(before, trainer.trained, strict=True))
    assert all(weight.grad is None for weight in trainer.trained)


def test_accumulating_equals_one_large_batch(build):
    """Two batches of different numbers of targets count by targets, as if they were one."""
    settings = TrainingConfig(data=("-",), out="-", model="-", public_recipe=True, warmup_steps=0)
    source = torch.Generator().manual_seed(0)
    ids, targets = torch.randint(1, 150, (2, 4, 16), generator=source)
    targets[0, 3:] = -1
    results = []
    for batches in ([(ids, targets)], [(ids[:1], targets[:1]), (ids[1:], targets[1:])]):
        model = build.model()
        trainer = TrainStep(model.network, settings, model.device, 10)
        results.append(trainer.step(0, batches))
    assert results[0] == pytest.approx(results[1], rel=1e-4)


def test_a_failed_step_does_not_spoil_the_weights(build):
    """The optimiser is not stepped with a loss that is no number."""
    model = build.model()
    with torch.no_grad():
        model.network.ln_f.weight.fill_(1e38)
    before = {name: weight.clone() for name, weight in model.network.named_parameters()}
    settings = TrainingConfig(data=("-",), out="-", model="-")
    trainer = TrainStep(model.network, settings, model.device, 10)
    ids = torch.randint(1, 150, (2, 16), generator=torch.Generator().manual_seed(0))
    with pytest.raises(TrainingError, match="loss became"):
        trainer.step(0, [(ids, ids)])
    assert all(torch.equal(before[name], weight) for name, weight in model.network.named_parameters())
