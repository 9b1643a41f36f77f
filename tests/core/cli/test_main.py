"""The `i3core` command: its results, as JSON and for people, and its errors."""

import json
import math
import subprocess
import sys

import pytest
import torch
from full_disk import LIMITED_MAIN
from safetensors.torch import load_file, save_file

import i3core
from i3core.checkpoints.checkpoint import load
from i3core.generation.config import SAMPLING_SETTINGS
from i3core.text.tokenizer import ChunkTokenizer, build_tokenizer, count_chunks


@pytest.fixture(scope="module")
def ready(build, tmp_path_factory):
    """A model folder that no test changes."""
    return build.folder(tmp_path_factory.mktemp("ready") / "small")


def test_info_describes_a_model(cli, ready):
    outcome = cli("info", ready, "--json", "--device", "cpu")
    assert outcome.status == 0
    assert outcome.err == ""
    content = outcome.json
    model = load(ready)
    assert content["parameters"] == sum(weight.numel() for weight in model.network.parameters())
    assert content["name"] == "small"
    assert content["vocab_size"] == 158
    assert content["window"] == 64
    assert content["chat_template"] == {"kind": "special_tokens"}
    assert content["warnings"] == []
    assert "CPU" in content["device"]
    shown = cli("info", ready).out
    assert f"{content['parameters']:,}" in shown
    assert "licence" in shown


def test_warnings_go_to_stderr(cli, folder):
    declared = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**declared, "d_state": 64}))
    outcome = cli("info", folder, "--json")
    assert outcome.status == 0
    assert outcome.err.startswith("i3core: warning: ")
    assert "d_state" in outcome.json["warnings"][0]


def test_tokenize_shows_ids_and_chunks(cli, ready):
    tokenizer = load(ready).tokenizer
    content = cli("tokenize", ready, "--text", "The cat § sat", "--json").json
    assert content["ids"] == tokenizer.encode("the cat § sat")
    assert content["chunks"] == [tokenizer.chunks[i] for i in content["ids"]]
    ids, chunks = cli("tokenize", ready, "--text", "The cat").out.splitlines()
    assert ids.split() == [str(i) for i in tokenizer.encode("the cat")]
    assert chunks.replace("|", "") == "the cat"


def test_generate_as_json_counts_tokens_and_repeats_with_its_seed(cli, ready):
    options = ("--json", "--seed", 3, "--max-new-tokens", 12)
    content = cli("generate", ready, "--prompt", "hello!", *options).json
    model = load(ready)
    assert len(content["ids"]) == len(content["logprobs"]) == content["new_tokens"] <= 12
    spoken = content["ids"][:-1] if content["finish_reason"] == "stop" else content["ids"]
    assert content["text"] == model.tokenizer.decode(spoken)
    assert all(logprob <= 0 for logprob in content["logprobs"])
    assert content["prompt_tokens"] == len(model.tokenizer.encode("hello!")) + 2
    assert content["tokens_per_second"] > 0
    assert content["seconds_to_first_token"] > 0
    assert content["finish_reason"] in ("stop", "length")
    assert content["seed"] == 3
    again = cli("generate", ready, "--prompt", "hello!", *options).json
    assert again["ids"] == content["ids"]
    assert cli("generate", ready, "--prompt", "hello!", *options[1:]).out == content["text"] + "\n"


def test_generate_raw_reports_the_models_logprobs(cli, ready):
    content = cli(
        "generate", ready, "--raw", "--prompt", "the cat", "--json", "--temperature", 0, "--max-new-tokens", 5
    ).json
    model = load(ready)
    ids = model.template.encode_document("the cat")[:-1]
    assert content["prompt_tokens"] == len(ids)
    with torch.no_grad():
        logprobs = model.network(torch.tensor([ids + content["ids"]]))[0].log_softmax(-1)
    for place, (token, logprob) in enumerate(zip(content["ids"], content["logprobs"], strict=True), len(ids)):
        assert logprobs[place - 1, token].item() == pytest.approx(logprob, abs=1e-4)


def test_generate_ends_before_a_stop_text(cli, ready):
    options = ("--json", "--seed", 1, "--max-new-tokens", 30)
    whole = cli("generate", ready, "--prompt", "hello!", *options).json["text"]
    stop = whole[4:7]
    content = cli("generate", ready, "--prompt", "hello!", *options, "--stop", stop, "--stop", "never").json
    assert content["text"] == whole[: whole.index(stop)]
    assert content["finish_reason"] == "stop"


def test_chat_answers_each_line_of_a_pipe(process, ready):
    """One reply a line and nothing else on stdout; a line that cannot be answered does not end the conversation."""
    lines = ["hello!", "", "the cat " * 60, "/new", "hello!", "what do you like?", "/quit", "not read"]
    outcome = process("chat", ready, "--seed", 1, "--max-new-tokens", 8, stdin="\n".join(lines), fresh=True)
    assert outcome.status == 0
    replies = outcome.out.split("\n")
    assert len(replies) == 4
    assert replies[0] == replies[1] != ""
    assert len(outcome.err.splitlines()) == 1
    assert "window" in outcome.err
    assert "Traceback" not in outcome.err


def test_system_prompt_is_read_before_the_first_question(cli, process, ready):
    options = ("--seed", 1, "--temperature", 0, "--max-new-tokens", 8)
    together = cli("generate", ready, "--prompt", "be kind\n\nhello!", *options)
    assert cli("generate", ready, "--system", "be kind", "--prompt", "hello!", *options).out == together.out
    cli("generate", ready, "--system", "be kind", "--raw", "--prompt", "hello!").fails("--system")
    lines = "\n".join(["hello!", "/new", "hello!"])
    assert process("chat", ready, "--system", "be kind", *options, stdin=lines).out == together.out * 2


def test_chat_ends_with_its_input(cli, ready, monkeypatch):
    def end_of_input(prompt=""):
        raise EOFError

    monkeypatch.setattr("builtins.input", end_of_input)
    assert cli("chat", ready).status == 0


def test_vocab_builds_from_data(cli, build, tmp_path):
    build.conversations(tmp_path / "chat.jsonl")
    (tmp_path / "story.txt").write_text(build.story)
    out = tmp_path / "tokenizer.json"
    data = ("--data", tmp_path / "chat.jsonl", tmp_path / "story.txt", "--out", out, "--overwrite")
    outcome = cli("vocab", *data, "--json", "--no-special-tokens")
    counts = count_chunks([build.story, *[text for exchange in build.chat for text in exchange]])
    read = ChunkTokenizer.from_file(tmp_path / "tokenizer.json")
    assert read.chunks == build_tokenizer(counts).chunks
    assert outcome.json["vocab_size"] == read.vocab_size
    assert outcome.json["chunks_counted"] == counts.total()
    assert cli("vocab", *data, "--max-vocab", 60).status == 0
    limited = ChunkTokenizer.from_file(tmp_path / "tokenizer.json")
    assert limited.vocab_size <= 60
    assert set(limited.special_tokens) == {"user", "assistant", "end"}
    assert cli("vocab", *data, "--max-vocab", 60, "--min-count", 10**6).status == 1
    cli("vocab", *data, "--max-vocab", 5).fails("--max-vocab")
    cli("vocab", "--data", tmp_path / "none.txt", "--out", tmp_path / "x.json").fails("none.txt")
    cli("vocab", *data[:3], "--out", tmp_path / "story.txt" / "x.json").fails("x.json")


def test_convert_copies_the_conversations_that_fine_tuning_replays(cli, ready, tmp_path):
    talk = tmp_path / "talk.jsonl"
    talk.write_text('{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}\n')
    assert cli("convert", ready, tmp_path / "a", "--replay", talk).status == 0
    assert cli("convert", tmp_path / "a", tmp_path / "b", "--dtype", "float16").status == 0
    for name in ("a", "b"):
        assert json.loads((tmp_path / name / "config.json").read_text())["replay"] == "talk.jsonl"
        assert (tmp_path / name / "talk.jsonl").read_text() == talk.read_text()
        assert "talk.jsonl" in json.loads((tmp_path / name / "checksums.json").read_text())["files"]
    cli("convert", ready, tmp_path / "c", "--replay", tmp_path / "none.jsonl").fails("none.jsonl", "conversations")
    assert not (tmp_path / "c").exists()


def test_convert_to_public_and_back_keeps_the_weights(cli, ready, tmp_path):
    assert cli("convert", ready, tmp_path / "public", "--to", "public").status == 0
    content = cli("convert", tmp_path / "public", tmp_path / "back", "--json").json
    assert content["layout"] == "safetensors"
    assert content["bytes"] == sum(path.stat().st_size for path in (tmp_path / "back").iterdir())
    assert (tmp_path / "back" / "model.safetensors").read_bytes() == (ready / "model.safetensors").read_bytes()
    assert cli("convert", ready, tmp_path / "half", "--dtype", "float16").status == 0
    assert json.loads((tmp_path / "half" / "config.json").read_text())["torch_dtype"] == "float16"
    cli("convert", ready, ready).fails("same folder")
    cli("convert", ready, ready / "config.json" / "x").fails("config.json")
    cli("convert", tmp_path / "none", tmp_path / "x").fails("none")
    assert not (tmp_path / "x").exists()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("form", ["safetensors", "public", "transformers", "onnx"])
def test_convert_refuses_a_folder_with_other_files(cli, build, ready, tmp_path, monkeypatch, form):
    """Another model, a note, the current folder; nothing in it changes."""
    if form in ("transformers", "onnx"):
        pytest.importorskip(form)
    other = build.folder(tmp_path / "other", seed=9)
    (other / "notes.txt").write_text("mine")
    before = contents(other)
    cli("convert", ready, other, "--to", form).fails("other files", "--overwrite")
    monkeypatch.chdir(other)
    cli("convert", ready, ".", "--to", form).fails("other files", "--overwrite")
    assert contents(other) == before


@pytest.mark.parametrize(("first", "then"), [("public", "safetensors"), ("safetensors", "public")])
def test_convert_with_overwrite_replaces_the_model_and_nothing_else(cli, build, ready, tmp_path, first, then):
    other = build.folder(tmp_path / "other", first, seed=9)
    (other / "notes.txt").write_text("mine")
    assert cli("convert", ready, other, "--to", then, "--overwrite").status == 0
    assert (other / "notes.txt").read_text() == "mine"
    assert load(other).network.state_dict().keys() == load(ready).network.state_dict().keys()
    assert torch.equal(load(other).network.embed.weight, load(ready).network.embed.weight)
    assert len([name for name in contents(other) if name.startswith(("model", "pytorch_model"))]) == 1


def test_convert_writes_into_an_empty_folder_and_over_an_unfinished_conversion(cli, ready, tmp_path, monkeypatch):
    target = tmp_path / "empty"
    target.mkdir()
    monkeypatch.chdir(target)
    assert cli("convert", ready, ".").status == 0
    whole = contents(target)
    killed = tmp_path / "killed"
    (killed / ".unfinished").mkdir(parents=True)
    (killed / ".unfinished" / "config.json").write_text("{")
    assert cli("convert", ready, killed).status == 0
    assert contents(killed).keys() == whole.keys()


@pytest.mark.parametrize("form", ["safetensors", "public", "transformers", "onnx"])
def test_conversion_that_fails_leaves_nothing(process, ready, tmp_path, form):
    done = process(20_000, "convert", ready, tmp_path / "new", "--to", form, code=LIMITED_MAIN)
    done.fails("could not be written", "disk space")
    assert not (tmp_path / "new").exists()


def test_vocabulary_replaces_a_file_only_if_asked_to(cli, build, tmp_path):
    data = tmp_path / "story.txt"
    data.write_text(build.story)
    cli("vocab", "--data", data, "--out", data).fails("exists already", "--overwrite")
    assert data.read_text() == build.story
    assert cli("vocab", "--data", data, "--out", tmp_path / "t.json").status == 0
    assert cli("vocab", "--data", data, "--out", tmp_path / "t.json", "--overwrite", "--max-vocab", 60).status == 0
    assert ChunkTokenizer.from_file(tmp_path / "t.json").vocab_size <= 60


def test_verify_compares_checksums(cli, ready, tmp_path):
    content = cli("verify", ready, "--json").json
    assert (content["checksums"], content["files"]) == (False, 0)
    assert "no checksums" in cli("verify", ready).out
    converted = tmp_path / "converted"
    assert cli("convert", ready, converted).status == 0
    content = cli("verify", converted, "--json").json
    assert (content["checksums"], content["files"], content["name"]) == (True, 3, "converted")
    assert content["parameters"] == load(ready).parameters
    assert "its 3 files" in cli("verify", converted).out
    config = json.loads((converted / "config.json").read_text())
    (converted / "config.json").write_text(json.dumps({**config, "chat_template": {"kind": "text"}}))
    cli("verify", converted).fails("config.json changed")
    cli("verify", tmp_path / "none").fails("none")


def test_verify_reads_every_weight(cli, folder):
    weights = load_file(folder / "model.safetensors")
    weights["head.bias"][3] = math.nan
    save_file(weights, folder / "model.safetensors")
    cli("verify", folder).fails("head.bias", "finite")


def test_models_are_found_by_name_and_damaged_ones_listed(cli, build, tmp_path, monkeypatch):
    """A downloaded model is found by its name; a damaged one is listed with its error."""
    monkeypatch.setenv("I3DESK_MODELS", str(tmp_path / "models"))
    build.folder(tmp_path / "models" / "mine")
    build.folder(tmp_path / "models" / "broken")
    (tmp_path / "models" / "broken" / "tokenizer.json").unlink()
    assert cli("info", "mine", "--json").json["name"] == "mine"
    assert cli("verify", "mine", "--json").json["name"] == "mine"
    content = cli("models", "--json").json
    assert content["models_folder"] == str(tmp_path / "models")
    entries = {entry["name"]: entry for entry in content["models"]}
    assert set(entries) == {"i3-mini", "mine", "broken"}
    assert (entries["i3-mini"]["origin"], entries["i3-mini"]["parameters"]) == ("bundled", 9_543_424)
    assert entries["mine"]["memory_bytes"]["int8"] < entries["mine"]["memory_bytes"]["float32"]
    assert "vocabulary" in entries["broken"]["error"]
    outcome = cli("models")
    assert outcome.status == 0
    assert "9,543,424" in outcome.out
    assert "vocabulary" in outcome.out
    cli("info", "none").fails("none", "i3-mini, mine")


def test_eval_measures_text_by_source(cli, ready, build, tmp_path):
    records = [{"text": build.story[:50], "src": "a"}, {"text": build.story[50:90], "src": "b"}]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, records)))
    content = cli("eval", ready, tmp_path / "data.jsonl", "--json", "--by-source").json
    assert content["perplexity"] == pytest.approx(math.exp(content["loss"]))
    assert content["bits_per_character"] == pytest.approx(content["loss"] * content["tokens"] / math.log(2) / 90)
    assert content["characters"] == 90
    parts = content["sources"]
    assert parts["a"]["tokens"] + parts["b"]["tokens"] == content["tokens"]
    assert f"{content['bits_per_character']:.4f}" in cli("eval", ready, tmp_path / "data.jsonl").out
    assert cli("eval", "--json", ready, tmp_path / "data.jsonl").json["loss"] == pytest.approx(
        content["loss"], rel=1e-6
    )
    cli("eval", ready, tmp_path / "none.jsonl").fails("none.jsonl")
    (tmp_path / "empty.txt").write_text("")
    cli("eval", ready, tmp_path / "empty.txt").fails()


def test_bench_reports_all_figures(cli):
    content = cli("bench", "--preset", "tiny", "--quick", "--json").json
    for part in ("decode", "prefill", "training"):
        assert content[f"{part}_tokens_per_second"] > 0
        ratio = content[f"{part}_tokens_per_second"] / content[f"{part}_plain_tokens_per_second"]
        assert content[f"{part}_ratio"] == pytest.approx(ratio)
    assert content["preset"] == "tiny"
    assert content["memory_bandwidth_gb_per_second"] > 0
    assert content["peak_memory_bytes"] > 0
    cli("bench", "--preset", "huge").fails("huge", "i3-80m")


@pytest.mark.parametrize("prompt", ["", "   ", "\n"])
def test_empty_prompt_is_refused(cli, ready, prompt):
    cli("generate", ready, "--prompt", prompt).fails("empty")


def test_prompt_longer_than_the_window_is_refused(cli, ready):
    for options in ([], ["--raw"]):
        cli("generate", ready, "--prompt", "the cat " * 100, *options).fails("window", "64" if options else "fit")


@pytest.mark.parametrize("setting", SAMPLING_SETTINGS, ids=lambda setting: setting.key)
def test_sampling_setting_out_of_range_is_refused(cli, ready, setting):
    option = f"--{setting.key.replace('_', '-')}"
    cli("generate", ready, "--prompt", "hello", f"{option}=-1").fails(setting.key)
    if setting.key != "top_k":
        cli("generate", ready, "--prompt", "hello", option, setting.maximum + 1).fails(setting.key)
    if setting.decimals:
        cli("generate", ready, "--prompt", "hello", option, "nan").fails(setting.key)
    assert cli("generate", ready, "--prompt", "hello", option, "many").status == 2


def test_wrong_usage_is_status_2(cli):
    for arguments in ([], ["nonsense"], ["generate"], ["info", "a", "b"], ["convert", "a", "b", "--to", "x"]):
        outcome = cli(*arguments)
        assert outcome.status == 2
        assert "usage:" in outcome.err


def test_version_and_help_are_printed(cli):
    assert cli("--version").out.startswith("i3core ")
    commands = ("info", "tokenize", "generate", "chat", "eval", "train", "vocab", "convert", "bench")
    for command in (*commands, "models", "download", "verify"):
        assert cli(command, "--help").status == 0
        assert command in cli("--help").out


def test_closed_reader_is_no_error(ready):
    command = f"{sys.executable} -m i3core tokenize {ready} --text '{'the cat ' * 12000}'"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -c 10 > /dev/null"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_core_imports_neither_qt_nor_the_window(process):
    whole = (
        "import sys, pkgutil, importlib, i3core\n"
        "for m in pkgutil.walk_packages(i3core.__path__, 'i3core.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "sys.exit(any('PySide' in n or 'PyQt' in n or 'i3desk' in n for n in sys.modules))"
    )
    assert process(code=whole).status == 0


def test_public_names_are_found():
    for name in i3core.__all__:
        assert getattr(i3core, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        i3core.nonsense  # noqa: B018
