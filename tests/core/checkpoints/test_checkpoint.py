"""Model folders: every public layout loads, damage is named in one line, no code in a file is run."""

import dataclasses
import json
import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from full_disk import LIMITED_MAIN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import i3core
from i3core.checkpoints.checkpoint import config_from_weights, load, network_from_weights, save
from i3core.checkpoints.model_info import inspect
from i3core.checkpoints.weights import TOKENIZER_FILES, WEIGHT_FILES
from i3core.errors import CheckpointError, I3Error

IDS = torch.tensor([[1, 5, 9, 2, 7]])


def logits(model):
    with torch.no_grad():
        return model.network(IDS)


def weights_of(folder):
    return load_file(folder / "model.safetensors")


def rewrite(folder, weights, name="model.safetensors"):
    """Replace the weights of the folder by `weights`."""
    for other in WEIGHT_FILES:
        (folder / other).unlink(missing_ok=True)
    if name.endswith(".bin"):
        torch.save(weights, folder / name)
    else:
        save_file(weights, folder / name)


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# --------------------------------------------------------------------------------------------------- what must load


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("layout", ["safetensors", "public"])
def test_round_trip(build, tmp_path, layout, tied):
    model = build.model(tie_embeddings=tied)
    save(model, tmp_path / "m", layout)
    read = load(tmp_path / "m", device="cpu")
    assert torch.equal(logits(read), logits(model))
    assert read.config == model.config
    assert read.parameters == sum(weight.numel() for weight in read.network.parameters())
    assert read.tokenizer.chunks == model.tokenizer.chunks
    assert read.template == dataclasses.replace(model.template, tokenizer=read.tokenizer)
    assert read.warnings == ()
    assert (read.network.head.weight is read.network.embed.weight) == tied


def test_round_trip_through_the_public_layout(build, tmp_path):
    model = build.model()
    save(model, tmp_path / "a", "safetensors")
    save(load(tmp_path / "a"), tmp_path / "b", "public")
    save(load(tmp_path / "b"), tmp_path / "c", "safetensors")
    assert torch.equal(logits(load(tmp_path / "b")), logits(model))
    assert torch.equal(logits(load(tmp_path / "c")), logits(model))
    assert "head.weight" in torch.load(tmp_path / "b" / "pytorch_model.bin", weights_only=True)
    assert (tmp_path / "c" / "model.safetensors").read_bytes() == (tmp_path / "a" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", WEIGHT_FILES)
def test_every_name_of_a_weight_file_is_loaded(folder, name):
    expected = logits(load(folder))
    weights = weights_of(folder)
    rewrite(folder, weights, name)
    assert torch.equal(logits(load(folder)), expected)
    assert load(folder / name).folder == folder


@pytest.mark.parametrize("name", TOKENIZER_FILES)
def test_every_name_of_a_vocabulary_is_loaded(folder, name):
    expected = load(folder).tokenizer.encode("the cat sat")
    (folder / "tokenizer.json").rename(folder / name)
    assert load(folder).tokenizer.encode("the cat sat") == expected


@pytest.mark.parametrize("wrap", ["model_state_dict", "state_dict", "model", None])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_orig_mod.module."])
def test_nested_and_prefixed_state_dicts(folder, wrap, prefix):
    expected = logits(load(folder))
    weights = OrderedDict((prefix + name, value) for name, value in weights_of(folder).items())
    beside = {"epoch": 3, "loss": np.float64(1.5), "best": np.float32(2), "optimizer": {"state": {}}}
    rewrite(folder, {wrap: weights, **beside} if wrap else weights, "pytorch_model.bin")
    assert torch.equal(logits(load(folder)), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read_as_float32(folder, dtype):
    expected = logits(load(folder))
    rewrite(folder, {name: value.to(dtype) for name, value in weights_of(folder).items()})
    model = load(folder)
    assert {weight.dtype for weight in model.network.parameters()} == {torch.float32}
    torch.testing.assert_close(logits(model), expected, rtol=0.1, atol=0.3)
    assert (logits(model) - expected).abs().mean() < 0.05


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_float8_weights_are_read_as_what_they_stand_for(folder, dtype, name):
    weights = {key: value.to(dtype) for key, value in weights_of(folder).items()}
    rewrite(folder, {key: value.float() for key, value in weights.items()})
    expected = logits(load(folder))
    rewrite(folder, weights, name)
    assert torch.equal(logits(load(folder)), expected)
    assert inspect(folder).dtype == str(dtype).removeprefix("torch.")


def split(folder, parts, suffix):
    """Replace the weights by several files and an index, as `save_pretrained` of the transformers library does."""
    weights = weights_of(folder)
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    names = [f"{stem}-{number:05}-of-{parts:05}.{suffix}" for number in range(1, parts + 1)]
    place = {key: names[number % parts] for number, key in enumerate(weights)}
    for name in names:
        part = {key: value for key, value in weights.items() if place[key] == name}
        save_file(part, folder / name) if suffix == "safetensors" else torch.save(part, folder / name)
    index = folder / f"{stem}.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": place}))
    (folder / "model.safetensors").unlink()
    return index


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("parts", [1, 3])
def test_weights_in_several_files_are_one_model(cli, build, tmp_path, parts, suffix, tied):
    folder = build.folder(tmp_path / "m", tie_embeddings=tied)
    expected = load(folder)
    index = split(folder, parts, suffix)
    assert torch.equal(logits(load(folder)), logits(expected))
    assert load(index).folder == folder
    assert cli("info", folder, "--json").json["parameters"] == expected.parameters
    save(expected, folder)
    assert not index.exists()


def test_index_of_weights_names_files_of_its_folder_only(cli, folder):
    index = split(folder, 2, "safetensors")
    part = folder / "model-00002-of-00002.safetensors"
    part.rename(folder / "elsewhere")
    cli("info", folder).fails(part.name, "lacks")
    for wrong in (
        "[]",
        "{",
        '{"weight_map": {}}',
        '{"weight_map": {"a": "../m/elsewhere"}}',
        '{"weight_map": {"a": 1}}',
    ):
        index.write_text(wrong)
        cli("info", folder).fails(index.name, "damaged")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_buffers_beside_the_weights_are_ignored(cli, folder, name):
    expected, weights = logits(load(folder)), weights_of(folder)
    buffers = {
        "position_ids": torch.arange(64), "layers.2.attn.bias": torch.ones(1, 1, 64, 64).tril(),
        "layers.2.attn.causal_mask": torch.full((64, 64), -torch.inf), "layers.0.mask": torch.ones(4, dtype=torch.bool),
        "steps_seen": torch.tensor(7),
    }  # fmt: skip
    rewrite(folder, {**weights, **buffers}, name)
    assert torch.equal(logits(load(folder)), expected)
    assert cli("info", folder).status == 0


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.bool])
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_weights_of_whole_numbers_are_named_as_such(cli, folder, name, dtype):
    weights = weights_of(folder)
    rewrite(folder, {**weights, "layers.0.ffn.0.weight": weights["layers.0.ffn.0.weight"].to(dtype)}, name)
    cli("info", folder).fails("layers.0.ffn.0.weight", str(dtype).removeprefix("torch."), "quantised")


def sparse_or_empty(kind, value):
    tensors = {
        "repeated": value[:1, :1].clone().expand(value.shape),
        "sparse": value.to_sparse(),
        "without values": value.to("meta"),
        "nested": torch.nested.nested_tensor([value, value]),
    }
    return tensors[kind]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("kind", ["repeated", "sparse", "without values", "nested"])
def test_tensors_without_values_of_their_own_are_refused(cli, folder, kind):
    """A file of some kilobytes could stand for more weights than fit into memory."""
    weights = weights_of(folder)
    weights["embed.weight"] = sparse_or_empty(kind, weights["embed.weight"])
    rewrite(folder, weights, "pytorch_model.bin")
    cli("info", folder).fails("embed.weight")


def test_few_values_that_stand_for_all_weights_are_refused(cli, folder):
    weights = weights_of(folder)
    values = torch.zeros(max(value.numel() for value in weights.values()))
    rewrite(folder, {name: values[: v.numel()].view(v.shape) for name, v in weights.items()}, "pytorch_model.bin")
    cli("info", folder).fails("far more weights than it holds")


def test_compressed_weights_are_refused_before_they_are_unpacked(cli, folder):
    rewrite(folder, {name: torch.zeros_like(v) for name, v in weights_of(folder).items()}, "pytorch_model.bin")
    path, packed = folder / "pytorch_model.bin", folder / "packed"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for record in source.infolist():
            target.writestr(record.filename, source.read(record))
    packed.replace(path)
    cli("info", folder).fails("is damaged")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "tokenizer.json", "config.json"])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 17\n", "Git LFS"),
        ("\n<!DOCTYPE html>\n<html><body>Not found</body></html>", "web page"),
    ],
)
def test_what_was_saved_in_place_of_a_file_is_named(cli, build, tmp_path, name, content, word):
    folder = build.folder(tmp_path / "m", "public" if name.endswith(".bin") else "safetensors")
    (folder / name).write_text(content)
    cli("info", folder).fails(name, word)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_byte_order_mark_is_no_damage(folder, name):
    expected = load(folder)
    (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert torch.equal(logits(load(folder)), logits(expected))
    assert load(folder).tokenizer.chunks == expected.tokenizer.chunks


def test_number_of_heads_is_never_guessed(cli, folder):
    change_config(folder, num_attention_heads=json.loads((folder / "config.json").read_text())["n_heads"])
    expected, path = load(folder), folder / "config.json"
    content = {key: value for key, value in json.loads(path.read_text()).items() if key != "n_heads"}
    path.write_text(json.dumps(content))
    assert load(folder).config == expected.config
    del content["num_attention_heads"]
    path.write_text(json.dumps(content))
    cli("info", folder).fails("attention heads", "n_heads")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_saving_in_half_precision_halves_the_file(build, model, tmp_path, dtype):
    save(model, tmp_path / "full")
    save(model, tmp_path / "half", dtype=dtype)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.1)
    assert (logits(load(tmp_path / "half")) - logits(model)).abs().mean() < 0.05


def test_weights_that_half_precision_cannot_hold_are_refused(build, tmp_path):
    model = build.model()
    with torch.no_grad():
        model.network.head.bias[3] = 1e6
    with pytest.raises(CheckpointError, match="float16"):
        save(model, tmp_path / "m", dtype=torch.float16)
    assert not (tmp_path / "m" / "model.safetensors").exists()


def test_saving_replaces_weights_of_the_other_layout(build, tmp_path):
    save(build.model(seed=1), tmp_path / "m", "safetensors")
    save(build.model(seed=2), tmp_path / "m", "public")
    assert torch.equal(logits(load(tmp_path / "m")), logits(build.model(seed=2)))
    save(build.model(seed=1), tmp_path / "m", "safetensors")
    assert torch.equal(logits(load(tmp_path / "m")), logits(build.model(seed=1)))


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("d_state", 64), ("vocab_size", 7), ("d_model", 512), ("n_layers", 16), ("max_seq_len", 256),
        ("conv_layers", 10), ("attn_layers", 6), ("d_state", "many"), ("d_model", None),
    ],
)  # fmt: skip
def test_wrong_sizes_in_config_warn_and_do_not_change_the_result(folder, key, wrong):
    expected = load(folder)
    change_config(folder, **{key: wrong})
    model = load(folder)
    assert len(model.warnings) == 1
    assert key in model.warnings[0]
    assert model.config == expected.config
    assert torch.equal(logits(model), logits(expected))


def test_folder_without_config_is_loaded(build, tmp_path):
    model = build.model(special=False, d_model=64, n_heads=16, tie_embeddings=False)
    save(model, tmp_path / "m", "public")
    (tmp_path / "m" / "config.json").unlink()
    read = load(tmp_path / "m")
    assert torch.equal(logits(read), logits(model))
    assert len(read.warnings) == 1
    assert "16 attention heads are assumed" in read.warnings[0]


def test_weights_can_be_trained_after_loading(folder):
    model = load(folder)
    model.network.loss(IDS, IDS).backward()
    assert all(weight.grad is not None for weight in model.network.parameters())


# --------------------------------------------------------------------------------------- what must fail, and clearly


def test_missing_folder_is_named(cli, tmp_path):
    cli("info", tmp_path / "nowhere").fails("nowhere", "no model folder")


def test_empty_folder_is_named(cli, tmp_path):
    cli("info", tmp_path).fails(tmp_path.name, "no weights")


def test_missing_weights_are_named(cli, folder):
    (folder / "model.safetensors").unlink()
    cli("info", folder).fails("no weights", "model.safetensors")


def test_missing_vocabulary_is_named(cli, folder):
    (folder / "tokenizer.json").unlink()
    cli("info", folder).fails("no vocabulary", "tokenizer.json")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated_files_are_named(cli, build, tmp_path, name, share):
    folder = build.folder(tmp_path / "m", "public" if name.endswith(".bin") else "safetensors")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: min(int(len(whole) * share), len(whole) - 3)])
    cli("info", folder).fails(name, "damaged")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "tokenizer.json", "config.json"])
def test_random_bytes_fail_in_one_line(cli, build, tmp_path, name):
    folder = build.folder(tmp_path / "m", "public" if name.endswith(".bin") else "safetensors")
    for seed in range(20):
        source = torch.Generator().manual_seed(seed)
        content = bytes(torch.randint(0, 256, (1 + 60 * seed,), generator=source).tolist())
        (folder / name).write_bytes(content)
        cli("info", folder).fails(name)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from([b"", b"\x80\x02", b"\x80\x05", b"PK\x03\x04", b"\x80\x02}q\x00("]),
    tail=st.binary(max_size=80),
)
def test_any_bytes_as_weights_raise_checkpoint_error(tmp_path_factory, folder, head, tail):
    (folder / "model.safetensors").unlink(missing_ok=True)
    (folder / "pytorch_model.bin").write_bytes(head + tail)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin"):
        load(folder)


class Mischief:
    """Unpickling this makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("by", ["torch", "pickle"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model_best.bin"])
def test_code_in_weights_is_not_run(cli, folder, tmp_path, name, by):
    weights = weights_of(folder)
    rewrite(folder, weights)
    (folder / "model.safetensors").unlink()
    content = {**weights, "extra": Mischief(tmp_path / "harm")}
    if by == "torch":
        torch.save(content, folder / name)
    else:
        (folder / name).write_bytes(pickle.dumps({"extra": Mischief(tmp_path / "harm")}))
    cli("info", folder).fails(name, "no code in it was run")
    assert not (tmp_path / "harm").exists()
    pickle.loads(pickle.dumps(Mischief(tmp_path / "harm")))
    assert (tmp_path / "harm").exists()  # it would have


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["embed.weight", "layers.0.hybrid.A", "layers.2.attn.qkv.bias"])
def test_weights_that_are_not_finite_are_named(cli, folder, name, value):
    weights = weights_of(folder)
    weights[name].view(-1)[-1] = value
    rewrite(folder, weights)
    cli("info", folder).fails(name, "not finite")


SHAPES = {
    "embed.weight": (50, 16), "pos_embed.weight": (64, 31), "layers.0.hybrid.w_mix": (31,), "layers.0.hybrid.A": (8, 7),
    "layers.1.hybrid.B": (9, 32), "layers.0.hybrid.C": (8, 32), "layers.2.attn.qkv.weight": (32, 96),
    "layers.2.attn.out_proj.bias": (1,), "layers.1.ffn.0.weight": (100, 32), "layers.0.ln1.weight": (1, 32),
    "ln_f.bias": (0,), "head.bias": (157,),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_contradict_each_other(cli, folder, name):
    weights = weights_of(folder)
    weights[name] = torch.zeros(SHAPES[name])
    rewrite(folder, weights)
    result = cli("info", folder)
    result.fails()
    assert "shape" in result.err or "vocabulary" in result.err


def test_every_weight_is_needed(folder):
    weights, declared = weights_of(folder), json.loads((folder / "config.json").read_text())
    for name in weights:
        rest = {other: value for other, value in weights.items() if other != name}
        with pytest.raises(CheckpointError):
            network_from_weights(config_from_weights(rest, declared)[0], rest)


def test_missing_head_is_not_mistaken_for_a_tied_one(cli, build, tmp_path):
    folder = build.folder(tmp_path / "m", tie_embeddings=False)
    weights = weights_of(folder)
    del weights["head.weight"]
    rewrite(folder, weights)
    cli("info", folder).fails("head.weight")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({}, "pytorch_model.bin"), ([1, 2], "pytorch_model.bin"), ({"a": 1}, "pytorch_model.bin"),
        ({"other.weight": torch.ones(2)}, "embed.weight"), (torch.ones(3), "pytorch_model.bin"),
        ({"embed.weight": torch.ones(3, 2, dtype=torch.long)}, "embed.weight"),
        ({"model_state_dict": {}}, "pytorch_model.bin"), ("weights", "pytorch_model.bin"),
    ],
)  # fmt: skip
def test_files_with_other_content_are_named(cli, folder, content, word):
    (folder / "model.safetensors").unlink()
    torch.save(content, folder / "pytorch_model.bin")
    cli("info", folder).fails(word)


def test_surplus_and_misnumbered_layers(cli, folder):
    weights = weights_of(folder)
    rewrite(folder, {**weights, "lm_head.weight": torch.ones(2)})
    cli("info", folder).fails("lm_head.weight")
    rewrite(folder, {**weights, "layers.7.ln1.weight": torch.ones(32)})
    cli("info", folder).fails("layers")


@pytest.mark.parametrize("size", [-1, 1])
def test_vocabulary_of_another_size_is_refused(cli, folder, size):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    chunks = tokenizer["chunk_to_idx"]
    if size > 0:
        chunks["zzz"] = len(chunks)
    else:
        del tokenizer["special_tokens"]
        del chunks["<|end|>"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    cli("info", folder).fails("vocabulary", str(len(chunks)))


@pytest.mark.parametrize(
    "change", [{"n_heads": 5}, {"n_heads": 0}, {"n_heads": "4"}, {"chat_template": {"kind": "jinja"}}]
)
def test_config_with_impossible_values_is_refused(cli, folder, change):
    change_config(folder, **change)
    cli("info", folder).fails("heads" if "n_heads" in change else "template")


@pytest.mark.parametrize("content", ["[]", "3", "null", '"x"'])
def test_config_that_is_not_an_object_is_refused(cli, folder, content):
    (folder / "config.json").write_text(content)
    cli("info", folder).fails("config.json")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--device", "tpu"], "tpu"), (["--device", "cuda:99"], "cuda:99"), (["--device", "meta"], "meta"),
        (["--device", ""], "device"), (["--precision", "int3"], "int3"), (["--precision", "float16"], "float16"),
    ],
)  # fmt: skip
def test_unknown_device_or_precision_is_named(cli, folder, options, word):
    if options[1] == "float16":
        options = [*options, "--device", "cpu"]
    cli("info", folder, *options).fails(word)


def test_real_processes_fail_in_one_line(process, folder):
    process("info", folder / "nowhere").fails("nowhere")
    (folder / "model.safetensors").write_bytes(b"not weights")
    process("generate", folder, "--prompt", "hello").fails("model.safetensors", "damaged")


def test_full_disk_leaves_the_old_weights(process, folder, tmp_path):
    """The process may not write files above 20 kB, as if the disk were full."""
    source = i3core.load(folder)
    save(source, tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").write_bytes(b"old")
    for layout in ("safetensors", "public"):
        command = ("convert", folder, tmp_path / "other", "--to", layout, "--overwrite")
        done = process(20_000, *command, code=LIMITED_MAIN)
        done.fails("could not be written")
    assert (tmp_path / "other" / "model.safetensors").read_bytes() == b"old"
    assert not list((tmp_path / "other").glob(".*"))


def test_all_errors_are_i3_errors():
    with pytest.raises(I3Error):
        i3core.load("no such model anywhere")
