"""What a run needs, against what runs really took; and what is said of doubtful plans."""

import dataclasses
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from i3core.model.config import preset
from i3core.training.memory_estimate import (
    block_matrices,
    checkpoint_bytes,
    estimate_memory,
    largest_micro_batch,
    optimizer_floats,
)
from i3core.training.preflight import PlannedRun, check_run

# A step of a tiny network first, so that libraries and kernels are loaded.
GROWTH = """
import json, sys
import psutil, torch
from i3core.model.config import preset
from i3core.system.device import choose_device, peak_memory_bytes
from i3core.model.network import I3Network
from i3core.training.step import TrainStep
from i3core.training.config import TrainingConfig

def learn(name, optimizer, rows, width, batches):
    network = I3Network(preset(name))
    config = TrainingConfig(data=("-",), out="-", preset="tiny", tokenizer="-", optimizer=optimizer)
    train_step = TrainStep(network, config, choose_device("cpu", "float32"), 10)
    ids = torch.randint(1, network.config.vocab_size, (rows, width))
    for step in range(2):
        train_step.step(step, [(ids, ids)] * batches)

torch.set_num_threads(1)
learn("tiny", "adamw", 1, 32, 1)
before = psutil.Process().memory_info().rss
learn(*json.loads(sys.stdin.read()))
print(json.dumps(peak_memory_bytes() - before))
"""


@pytest.mark.parametrize(
    ("name", "optimizer", "rows", "width", "batches"),
    [("tiny", "adamw", 64, 64, 1), ("i3-mini", "muon", 2, 256, 2)],
)
def test_memory_of_a_step_matches_its_estimate(process, name, optimizer, rows, width, batches):
    outcome = process(code=GROWTH, stdin=json.dumps([name, optimizer, rows, width, batches]))
    assert outcome.status == 0, outcome.err
    config = preset(name)
    estimate = estimate_memory(config, config.parameters, optimizer, rows, width, "float32", False)
    assert 0.7 < estimate / outcome.json < 1.6


@pytest.mark.parametrize("name", ["tiny", "i3-mini"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_optimiser_state_matches_its_estimate(name, optimizer):
    from i3core.model.network import I3Network
    from i3core.training.config import TrainingConfig
    from i3core.training.optimizers import build_optimizers

    network = I3Network(preset(name, vocab_size=50))
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    numbers = 0
    settings = TrainingConfig(data=("-",), out="-", preset="tiny", tokenizer="-", optimizer=optimizer)
    for each in build_optimizers(network, settings):
        each.step()
        state = each.state_dict()["state"].values()
        numbers += sum(value.numel() for entry in state for value in entry.values() if value.dim())
    config = network.config
    assert optimizer_floats(config.parameters, optimizer, block_matrices(config)) == numbers


def test_larger_runs_need_more_memory():
    config = preset("i3-80m")
    base = estimate_memory(config, config.parameters, "adamw", 8, 256, "float32", False)
    assert 2e9 < base < 4e9
    for change in (
        (config, config.parameters, "adamw", 9, 256, "float32", False),
        (config, config.parameters, "adamw", 8, 257, "float32", False),
    ):
        assert estimate_memory(*change) > base
    for change in (
        (config, 1_000_000, "adamw", 8, 256, "float32", False),
        (config, config.parameters, "muon", 8, 256, "float32", False),
        (config, config.parameters, "adamw", 8, 256, "bfloat16", False),
        (preset("i3-22m"), preset("i3-22m").parameters, "adamw", 8, 256, "float32", False),
    ):
        assert estimate_memory(*change) < base


@given(
    name=st.sampled_from(["tiny", "i3-mini", "i3-80m"]),
    rows=st.integers(1, 300),
    width=st.integers(1, 512),
    available=st.integers(0, 10**10),
    is_cuda=st.booleans(),
    precision=st.sampled_from(["float32", "bfloat16"]),
)
def test_largest_micro_batch_fits_and_one_more_does_not(name, rows, width, available, is_cuda, precision):
    config = preset(name)

    def needed(count):
        return estimate_memory(config, config.parameters, "adamw", count, width, precision, is_cuda)

    micro = largest_micro_batch(config, config.parameters, "adamw", rows, width, precision, is_cuda, available)
    assert 1 <= micro <= rows
    assert micro == 1 or needed(micro) <= available
    assert micro == rows or needed(micro + 1) > available


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_checkpoint_size_matches_its_estimate(build, tmp_path, optimizer):
    from i3core.training.checkpointing import save_checkpoint
    from i3core.training.config import TrainingConfig
    from i3core.training.step import TrainStep

    model = build.model(d_model=256)
    settings = TrainingConfig(data=("-",), out="-", preset="tiny", tokenizer="-", optimizer=optimizer)
    train_step = TrainStep(model.network, settings, model.device, 10)
    ids = torch.ones(1, 32, dtype=torch.long)
    train_step.step(0, [(ids, ids)])
    for name, state in (("best", None), ("last", train_step.state_dict())):
        save_checkpoint(model, tmp_path / name, state)
    best, last = (sum(p.stat().st_size for p in (tmp_path / name).iterdir()) for name in ("best", "last"))
    matrices = block_matrices(model.config)
    foreseen = checkpoint_bytes(model.parameters, model.parameters, optimizer, matrices)
    taken = best + 2 * last  # the new one, before the old one goes
    assert taken > 10**7
    assert taken <= foreseen < taken + 13_000_000
    assert checkpoint_bytes(10**8, 10**5, optimizer, lora=True) < checkpoint_bytes(10**8, 10**8, optimizer) / 100


def plan(out, **changes) -> PlannedRun:
    """A sound plan: 80 M weights fine-tuned on a thousand documents."""
    sound = PlannedRun(
        out=out / "run", parameters=82_765_160, trainable=82_765_160, optimizer="adamw", lr=3e-4, documents=1000,
        tokens_per_epoch=200_000, tokens_per_step=2048, steps_per_epoch=98, total_steps=294,
        memory_bytes=3 * 10**9, memory_available=8 * 10**9, memory_total=16 * 10**9, validation_sequences=20,
    )  # fmt: skip
    return dataclasses.replace(sound, **changes)


def test_sound_run_has_no_findings(tmp_path):
    assert check_run(plan(tmp_path)) == []
    assert check_run(plan(tmp_path, lora=True, trainable=10**6, lr=1e-3)) == []
    assert check_run(plan(tmp_path, fine_tuning=False, lr=3e-3)) == []
    assert not (tmp_path / "run").exists()


def test_few_answers_to_learn_by_heart_are_no_reason_for_doubt(tmp_path):
    few = {"documents": 8, "tokens_per_epoch": 200, "replay_share": 0.5, "validation_sequences": 0}
    assert check_run(plan(tmp_path, **few, asks=True)) == []


ONE_ROW = {"memory_least_bytes": 10**9}
FINDINGS = [
    ({"parameters": 10**14}, "disk", True, ["1,200 TB", "run", "--out"]),
    ({"memory_bytes": 9 * 10**9}, "memory", False, ["9.0 GB", "8.0 GB are free", "--batch-size", "--lora-rank"]),
    ({"memory_bytes": 17 * 10**9}, "memory", True, ["17.0 GB", "this computer has 16.0 GB", "--batch-size"]),
    ({"memory_bytes": 17 * 10**9, **ONE_ROW}, "memory", False, ["in parts", "The result is the same"]),
    (
        {"memory_bytes": 40 * 10**9, "memory_least_bytes": 20 * 10**9, "memory_place": "the card"},
        "memory",
        True,
        ["20.0 GB", "the card has 16.0 GB", "a smaller model"],
    ),
    ({"tokens_per_epoch": 0}, "data", True, ["no text", "--data"]),
    ({"learned_tokens": 0}, "data", True, ["marked as context", "--loss-on"]),
    ({"documents": 1}, "data", False, ["a single document", "memorise"]),
    ({"documents": 19}, "data", False, ["only 19 documents", "Add more text"]),
    ({"tokens_per_epoch": 2047}, "data", False, ["2,047 tokens", "2,048", "--batch-size"]),
    ({"validation_sequences": 0}, "data", False, ["held out", "--val"]),
    ({"total_steps": 98 * 51}, "data", False, ["51 times", "--epochs", "--patience"]),
    ({"total_steps": 98 * 17, "validation_sequences": 0, "evaluates": False}, "data", False, ["17 times"]),
    ({"unknown_share": 0.034}, "data", False, ["3%", "vocabulary lacks", "from scratch"]),
    ({"unknown_share": 0.034, "fine_tuning": False}, "data", False, ["--tokenizer"]),
    ({"lr": 0.2}, "learning_rate", True, ["0.2", "overwrite", "5e-5 to 5e-4"]),
    ({"lr": 5e-3}, "learning_rate", False, ["0.005", "forget"]),
    ({"lr": 0.02, "fine_tuning": False}, "learning_rate", False, ["0.02", "3e-4 to 3e-3"]),
    ({"lr": 0.02, "lora": True}, "learning_rate", False, ["0.02", "1e-4 to 2e-3"]),
    ({"lr": 1e-7}, "learning_rate", False, ["1e-07", "nothing will be learned"]),
]


@pytest.mark.parametrize(("changes", "kind", "fatal", "words"), FINDINGS)
def test_doubtful_run_has_a_finding_with_a_remedy(tmp_path, changes, kind, fatal, words):
    (finding,) = check_run(plan(tmp_path, **changes))
    assert (finding.kind, finding.fatal) == (kind, fatal)
    for word in words:
        assert word in f"{finding.what} {finding.remedy}"
    assert finding.what.endswith(".")
    assert finding.remedy.endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_bytes": 8 * 10**9}, {"documents": 20}, {"tokens_per_epoch": 2048}, {"total_steps": 98 * 50},
        {"total_steps": 98 * 500, "patience": 5}, {"validation_sequences": 0, "evaluates": False},
        {"unknown_share": 0.02}, {"lr": 3e-3}, {"lr": 1e-2, "lora": True}, {"lr": 1e-6}, {"total_steps": 21},
    ],
)  # fmt: skip
def test_run_at_a_limit_has_no_findings(tmp_path, changes):
    assert check_run(plan(tmp_path, **changes)) == []


def test_fatal_findings_come_first(tmp_path):
    findings = check_run(plan(tmp_path, documents=3, lr=0.5, unknown_share=0.1))
    assert [finding.fatal for finding in findings] == [True, False, False]


def test_existing_checkpoints_need_no_more_disk_space(tmp_path, monkeypatch):
    """A resumed run on a nearly full disk."""
    needed = checkpoint_bytes(10**6, 10**6, "adamw")
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": needed - 1000}))
    small = plan(tmp_path, parameters=10**6, trainable=10**6)
    assert [finding.kind for finding in check_run(small)] == ["disk"]
    (small.out / "checkpoints" / "last").mkdir(parents=True)
    (small.out / "checkpoints" / "last" / "trainer.pt").write_bytes(bytes(2000))
    assert check_run(small) == []
