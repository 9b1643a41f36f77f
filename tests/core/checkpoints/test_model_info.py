"""Model info without loading, compared with the loaded model."""

import json
import statistics
import struct
import time

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from i3core.checkpoints.adapter import CONFIG_FILE
from i3core.checkpoints.checkpoint import load, save
from i3core.checkpoints.model_info import inspect, memory_bytes
from i3core.checkpoints.state_dict import check_shapes, config_from_shapes, expected_shapes
from i3core.checkpoints.weights import read_header
from i3core.errors import CheckpointError
from i3core.model.config import ModelConfig, preset
from i3core.model.lora import add_lora
from i3core.model.network import I3Network
from i3core.runs.folder import RunFolder
from i3core.system import assets
from i3core.training.checkpointing import save_checkpoint


def change(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("layout", ["safetensors", "public"])
@pytest.mark.parametrize("tied", [True, False])
def test_info_matches_the_loaded_model(build, tmp_path, layout, tied):
    folder = build.folder(tmp_path / "model", layout=layout, tie_embeddings=tied)
    facts, model = inspect(folder), load(folder, "cpu")
    assert facts.config == model.config
    assert facts.parameters == sum(weight.numel() for weight in model.network.parameters())
    assert (facts.name, facts.kind, facts.layout, facts.dtype) == ("model", "complete", layout, "float32")
    assert facts.file_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert (facts.base, facts.training, facts.has_checksums, facts.warnings) == (None, None, False, ())
    assert (facts.licence, facts.source, facts.description) == ("", "", "")
    assert json.loads(json.dumps(facts.to_json()))["vocab_size"] == model.config.vocab_size


def test_bundled_model_is_inspected_quickly(process):
    facts = inspect(assets.models()["i3-mini"])
    assert (facts.parameters, facts.hybrid_layers, facts.attention_layers) == (9_543_424, 3, 3)
    assert (facts.window, facts.d_model, facts.vocab_size) == (512, 384, 1024)
    assert (facts.licence, facts.dtype) == ("Apache-2.0", "float16")
    assert facts.description.startswith("The small model that i3desk brings")
    times = []
    for _ in range(9):
        start = time.perf_counter()
        inspect(facts.folder)
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.02
    code = (
        "import sys, i3core.checkpoints.model_info as i, i3core.system.assets as a; i.inspect(a.models()['i3-mini']);"
    )
    assert process(code=code + " sys.exit('torch' in sys.modules)", fresh=True).status == 0


def test_wrong_values_in_config_json_are_warnings(folder):
    change(folder / "config.json", d_state=64, license="MIT", name="Old Tom", description="Says little.")
    facts = inspect(folder)
    assert facts.config.d_state == 8
    assert facts.warnings == load(folder, "cpu").warnings != ()
    assert (facts.name, facts.licence, facts.description) == ("Old Tom", "MIT", "Says little.")


def test_licence_and_description_come_from_the_readme(folder):
    (folder / "README.md").write_text(
        "---\nlanguage: en\nlicense: apache-2.0\ntags:\n- x\n---\n# A model\n\n![plot](x.png)\n\n> a note\n\n"
        "The **i3-80M Model** is a [hybrid](https://example.org)\nof two kinds. " + "It has layers. " * 40
    )
    facts = inspect(folder)
    assert facts.licence == "apache-2.0"
    assert facts.description.startswith("The i3-80M Model is a hybrid of two kinds. It has layers.")
    assert facts.description.endswith("layers.")
    assert len(facts.description) <= 280


@pytest.fixture
def adapted(build, tmp_path):
    base = build.folder(tmp_path / "base")
    model = load(base, "cpu")
    add_lora(model.network, 4, 8.0)
    save(model, tmp_path / "adapted")
    return tmp_path / "adapted"


def test_adapter_is_described_with_its_base(adapted):
    facts = inspect(adapted)
    assert (facts.kind, facts.base) == ("adapter", adapted.parent / "base")
    assert facts.config == inspect(facts.base).config
    assert facts.file_bytes == sum(path.stat().st_size for path in adapted.iterdir())
    facts.base.rename(adapted.parent / "elsewhere")
    with pytest.raises(CheckpointError, match="needs its base model"):
        inspect(adapted)


def test_adapter_over_itself_raises(adapted):
    change(adapted / CONFIG_FILE, base_model_name_or_path=str(adapted))
    with pytest.raises(CheckpointError, match="no weights"):
        inspect(adapted)


def test_run_is_described_with_its_progress(build, tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create()
    run.describe({"config": {}, "model": "i3-mini", "started": 1_700_000_000.5})
    run.write_status("finished", 40)
    for step, value in ((0, 9.0), (10, 12.5), (20, 11.25), (30, 11.5)):
        run.append(run.metrics, {"step": step, "total_steps": 40, "loss": 2.0})
        run.append(
            run.metrics, {"step": step, "val_loss": 1.0, "val_perplexity": value, "general_perplexity": value + 1}
        )
    with open(run.metrics, "ab") as lines:
        lines.write(b'{"step": 40, "val_perplexity": 1.')  # cut short by a crash
    with pytest.raises(CheckpointError, match="no weights"):
        inspect(run.folder)
    save_checkpoint(build.model(), run.last)
    assert inspect(run.folder).weights_folder == run.last
    save_checkpoint(build.model(), run.best)
    facts = inspect(run.folder)
    assert (facts.kind, facts.name, facts.folder, facts.weights_folder) == ("run", "run", run.folder, run.best)
    training = facts.training
    assert (training.step, training.total_steps, training.state, training.base) == (40, 40, "finished", "i3-mini")
    assert (training.best_val_perplexity, training.general_perplexity) == (11.25, 12.25)
    assert training.started == 1_700_000_000.5


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "no weights"),
        (lambda f: (f / "tokenizer.json").unlink(), "no vocabulary"),
        (lambda f: (f / "config.json").write_text("{"), "damaged"),
        (lambda f: (f / "config.json").write_text("[]"), "damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "damaged or cut short"),
        (lambda f: (f / "model.safetensors").write_bytes(b"<!DOCTYPE html><html>"), "web page"),
        (
            lambda f: (f / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}"),
            "not the weights of an i3 model",
        ),
        (lambda f: save_file({"wte": torch.zeros(2, 2)}, f / "model.safetensors"), "embed.weight is missing"),
        (lambda f: (f / "checksums.json").write_text("{}"), "checksums.json is damaged"),
    ],
)
def test_damaged_and_foreign_folders(folder, damage, words):
    damage(folder)
    with pytest.raises(CheckpointError, match=words):
        inspect(folder)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), 1e30, -1.0, "7", True])
def test_numbers_that_cannot_be_shown_are_left_out(build, tmp_path, figure):
    run = RunFolder(tmp_path / "run")
    run.create()
    run.describe({"config": {}, "started": figure})
    run.write_status("finished", figure)
    run.append(run.metrics, {"step": 1, "total_steps": figure, "val_perplexity": figure, "general_perplexity": figure})
    save_checkpoint(build.model(), run.best)
    training = inspect(run.folder).training
    assert (training.step, training.total_steps, training.started) == (0, None, None)
    assert (training.best_val_perplexity, training.general_perplexity) == (None, None)


def test_path_that_no_system_can_read_raises(folder):
    with pytest.raises(CheckpointError, match="cannot be read"):
        inspect("x" * 5000)
    header = b'{"e":{"shape":[1e999],"data_offsets":[0,0]}}'
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        inspect(folder)


def test_missing_folder_raises(tmp_path):
    with pytest.raises(CheckpointError, match="no folder"):
        inspect(tmp_path / "none")


@pytest.mark.parametrize("change", ["drop", "add", "reshape"])
def test_weights_that_do_not_fit_are_refused_as_loading_does(folder, change):
    weights = load_file(folder / "model.safetensors")
    if change == "drop":
        del weights["layers.1.ln2.bias"]
    elif change == "add":
        weights["layers.0.hybrid.E"] = torch.zeros(3)
    else:
        weights["layers.2.attn.qkv.bias"] = torch.zeros(5)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointError) as found:
        inspect(folder)
    with pytest.raises(CheckpointError) as loaded:
        load(folder, "cpu")
    assert found.value.what == loaded.value.what


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 4000), flip=st.integers(0, 3000), byte=st.integers(0, 255))
def test_damaged_header_raises_one_clear_error(build, tmp_path_factory, cut, flip, byte):
    """Any damage to the first bytes or the end gives model info or CheckpointError, nothing else."""
    folder = tmp_path_factory.mktemp("damaged")
    build.folder(folder)
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[flip] = byte
    path.write_bytes(content[: len(content) - cut])
    try:
        read_header(path)
        assert not cut
        inspect(folder)
    except CheckpointError:
        pass


sizes = st.builds(
    ModelConfig,
    vocab_size=st.integers(1, 40),
    d_model=st.sampled_from([4, 8]),
    n_heads=st.sampled_from([1, 2, 4]),
    d_state=st.integers(1, 5),
    hybrid_layers=st.integers(0, 3),
    attention_layers=st.integers(1, 3),
    window=st.integers(1, 9),
    ffn_width=st.integers(1, 9),
    tie_embeddings=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(config=sizes)
def test_shapes_are_those_of_the_network(config):
    with torch.device("meta"):
        state = I3Network(config).state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert expected_shapes(config) == shapes
    declared = {"n_heads": config.n_heads, "tie_embeddings": config.tie_embeddings, "d_state": config.d_state}
    found, warnings = config_from_shapes(shapes, declared, lambda: True)
    assert warnings == ()
    assert expected_shapes(found) == shapes
    assert found.parameters == config.parameters
    check_shapes(shapes, found)


def test_memory():
    """By hand, for the sizes of i3-80m: 82.8 M weights, 6 attention blocks of 256 keys and values of 512."""
    from dataclasses import replace

    facts = replace(inspect(assets.models()["i3-mini"]), config=preset("i3-80m"))
    cache = 2 * 6 * 256 * 512
    assert memory_bytes(facts, "float32") == 4 * 82_765_160 + 4 * cache
    assert memory_bytes(facts, "bfloat16") == 2 * 82_765_160 + 2 * cache
    linear = 16 * 2 * 512 * 2048 + 6 * 4 * 512 * 512 + 41_320 * 512
    assert memory_bytes(facts, "int8") == linear + 4 * (82_765_160 - linear) + 4 * cache
    with pytest.raises(ValueError, match="float8"):
        memory_bytes(facts, "float8")
