"""Checks of data before training, and the `i3core data` command."""

import argparse
import dataclasses
import json

import pytest

from i3core.checkpoints.template import model_template
from i3core.cli.data import add_data
from i3core.data.batches import WeightedDataset, make_batch
from i3core.data.cache import cache_folder
from i3core.data.token_dataset import tokenize_source
from i3core.data.validation import CheckedSource, DataTotals, RefusedSource, check_data
from i3core.errors import CheckpointError, DataError


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path_factory.mktemp("cache") / "tokens"))


@pytest.fixture
def check(model):
    """Events of the sources by name, and the totals."""

    def run(*data, **options):
        *events, total = check_data(model.template, 64, [str(path) for path in data], **options)
        assert isinstance(total, DataTotals)
        return events, total

    return run


def command(*arguments):
    parser = argparse.ArgumentParser()
    add_data(parser.add_subparsers())
    chosen = parser.parse_args(["data", *map(str, arguments)])
    chosen.run(chosen)


def told(capsys, *arguments):
    capsys.readouterr()
    command(*arguments, "--json")
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_sources_and_totals_are_counted(check, build, tmp_path):
    chat = build.conversations(tmp_path / "chat.jsonl", 10)
    (tmp_path / "story.txt").write_text(build.story)
    (first, second, held), total = check(f"{chat}:2.5", tmp_path / "story.txt", val=str(chat))
    assert (first.file, first.role, first.weight) == (str(chat), "training", 2.5)
    assert (held.role, held.weight, held.tokens) == ("validation", 1.0, first.tokens)
    assert first.shapes == {"messages": 40}
    assert first.records == first.documents == first.rows == 40
    assert second.shapes == {"text": 1}
    assert second.rows > second.documents == 1
    assert (total.sources, total.refused, total.estimated) == (2, 0, False)
    assert total.tokens == first.tokens + second.tokens
    assert total.tokens_per_epoch == int(2.5 * first.tokens + second.tokens)
    assert total.learned_tokens == first.learned_tokens + second.learned_tokens
    assert total.documents == 41


@pytest.mark.parametrize("loss_on", ["assistant", "all"])
def test_previews_show_what_is_trained_on(check, build, model, tmp_path, loss_on):
    """Compared with the training batches of the same file."""
    turns = [("the cat", {}), ("a boat", {"weight": 0}), ("§ sea", {})]
    messages = [
        turn
        for text, mark in turns
        for turn in ({"role": "user", "content": "what?"}, {"role": "assistant", "content": text, **mark})
    ]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"messages": messages}) + "\n" + json.dumps({"text": build.story}))
    (source,), _ = check(path, loss_on=loss_on)
    dataset = tokenize_source(path, model.template, 64)
    learned = 0
    assert len(source.previews) == len(dataset)
    for number, preview in enumerate(source.previews):
        _, targets = make_batch([WeightedDataset(dataset)], [(0, number)], loss_on == "assistant", 64)
        sequence = dataset.sequence(number)[0].tolist()
        assert "".join(text for text, _, _ in preview.tokens) == model.tokenizer.decode(sequence)
        assert [text for text, _, _ in preview.tokens] == [model.tokenizer.decode([i]) for i in sequence]
        marks = [mark for _, mark, _ in preview.tokens]
        assert not marks[0]
        assert marks[1:] == (targets[0] >= 0).tolist()[: len(sequence) - 1]
        assert [unknown for _, _, unknown in preview.tokens] == [i == 0 for i in sequence]
        learned += sum(marks)
    assert source.learned_tokens == learned
    first = "".join(text if mark else "·" for text, mark, _ in source.previews[0].tokens)
    assert ("boat" in first.replace("·", "")) == (loss_on == "all")
    assert "<|user|>" in [text for text, _, _ in source.previews[0].tokens]


def test_previews_come_from_all_over_the_file_and_are_short(check, tmp_path):
    path = tmp_path / "a.jsonl"
    words = ["cat", *["the"] * 298, "boat"]
    path.write_text("".join(json.dumps({"text": f"{word} " * 15}) + "\n" for word in words))
    (source,), _ = check(path)
    texts = ["".join(text for text, _, _ in preview.tokens) for preview in source.previews]
    assert len(texts) == 8
    assert "cat" in texts[0]
    assert "boat" in texts[-1]
    (source,) = (event for event in check_data_of(path, window=400) if isinstance(event, CheckedSource))
    assert max(len(preview.tokens) for preview in source.previews) <= 200


def check_data_of(path, window):
    template, _ = model_template("i3-mini")
    path.write_text(json.dumps({"text": "the " * 2000}))
    return check_data(template, window, [str(path)])


def test_bad_records_are_listed_by_file_and_line(check, tmp_path):
    path = tmp_path / "a.jsonl"
    lines = ['{"text": "fine"}', "{", '{"other": 1}', *["[]"] * 60, '{"text": "fine, too"}']
    path.write_text("\n".join(lines))
    (source,), total = check(path)
    assert (source.records, source.bad_count, total.bad_count) == (2, 62, 62)
    assert [(bad.file, bad.line) for bad in source.bad] == [(str(path), line) for line in range(2, 52)]
    assert source.bad[0].what == "not JSON (column 2: Expecting property name enclosed in double quotes)."
    assert "`other`" in source.bad[1].what
    assert all(bad.remedy and str(path) not in bad.what for bad in source.bad)


def test_unusable_sources_are_refused_and_the_others_checked(check, build, tmp_path):
    chat = build.conversations(tmp_path / "chat.jsonl")
    (tmp_path / "cut.json").write_text('[{"text": "one"}, {"te')
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    names = ["nothing.txt", "cut.json", "empty.txt", "picture.png"]
    events, total = check(*(tmp_path / name for name in names), chat, f"{chat}:5000")
    assert [type(event) for event in events] == [RefusedSource] * 4 + [CheckedSource, RefusedSource]
    for name, event in zip(names, events, strict=False):
        assert event.file == str(tmp_path / name)
        assert name in event.what or name in event.remedy
    assert "line 1" in events[1].what
    assert (total.sources, total.refused) == (1, 5)


def test_unknown_characters_come_most_frequent_first(check, model, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("the cat § likes § 漢 and İ")
    (source,), _ = check(path)
    assert source.unknown_characters[0] == "§"
    assert set(source.unknown_characters) >= {"§", "漢"}
    counted = model.template.unreadable(path.read_text())
    assert counted.total() == model.template.encode_text(path.read_text()).count(0)
    assert source.unknown_counts == dict(counted)
    assert "§ (2 times): replace it" in source.suggestions[0]
    assert source.unknown_share == pytest.approx(counted.total() / source.tokens)


@pytest.mark.parametrize("kind", [".jsonl", ".json"])
def test_large_file_is_estimated_from_its_start(check, tmp_path, kind):
    path = tmp_path / f"a{kind}"
    records = [{"text": f"the cat {n * 7919 % 9973} likes fish"} for n in range(20_000)]
    path.write_text("\n".join(map(json.dumps, records)) if kind == ".jsonl" else json.dumps(records))
    (whole,), _ = check(path)
    (part,), total = check(path, sample_bytes=path.stat().st_size // 2)
    assert (whole.estimated, part.estimated, total.estimated) == (False, True, True)
    for name in ("records", "documents", "rows", "tokens", "learned_tokens", "characters"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name), rel=0.05), name
    assert part.shapes["text"] == pytest.approx(20_000, rel=0.05)
    (all_of_it,), _ = check(path, sample_bytes=path.stat().st_size)
    assert all_of_it == whole


def test_training_uses_the_cached_tokens(config, material, tmp_path, capsys):
    from i3core.training.train import dry_run

    data = str(material / "chat.jsonl")
    told(capsys, material / "model", "--data", data)
    made = sorted(cache_folder().glob("*.rows"))
    assert len(made) == 1
    list(dry_run(config(model=str(material / "model"), data=(data,), general_val="none")))
    assert sorted(cache_folder().glob("*.rows")) == made


def test_template_is_that_of_the_loaded_model(folder, build, tmp_path):
    from i3core.checkpoints.checkpoint import load

    build.folder(tmp_path / "text", special=False)
    for place in (folder, tmp_path / "text", "i3-mini"):
        template, window = model_template(place)
        model = load(place, "cpu")
        assert (template.to_json(), window) == (model.template.to_json(), model.config.window)
        assert template.tokenizer.to_json() == model.tokenizer.to_json()
    content = json.loads((folder / "tokenizer.json").read_text())
    content["chunk_to_idx"]["zzz"] = content["vocab_size"]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="different models"):
        model_template(folder)


# ---------------------------------------------------------------------------------------------------------- command


def test_command_prints_json_events(build, tmp_path, capsys):
    chat = build.conversations(tmp_path / "chat.jsonl", 600)
    reading, *_, source, refused, total = told(capsys, "--data", chat, tmp_path / "nothing.txt")
    assert reading["event"] == "reading"
    assert reading["file"] == str(chat)
    assert 0 < reading["characters"] <= source["characters"]
    assert {"event", *(field.name for field in dataclasses.fields(CheckedSource))} == source.keys()
    assert source["previews"][0]["tokens"][0] == ["<|user|>", False, False]
    assert (refused["event"], refused["file"]) == ("refused", str(tmp_path / "nothing.txt"))
    assert (total["event"], total["tokens"]) == ("total", source["tokens"])


def test_command_prints_readable_lines(build, tmp_path, capsys):
    chat = build.conversations(tmp_path / "chat.jsonl")
    with open(chat, "a") as target:
        target.write("not JSON\n")
    command("--data", f"{chat}:3")
    out = capsys.readouterr().out
    for words in (
        "chat.jsonl (training, 3 times)",
        "4 records",
        "line 5: not JSON (column 1:",
        "in all",
        "<|user|>hello!",
    ):
        assert words in out
    with pytest.raises(DataError, match=r"no data file .*nothing"):
        command("--data", chat, tmp_path / "nothing.txt")
    assert "in all" in capsys.readouterr().out


def test_torch_is_not_needed(process):
    code = (
        "import sys, argparse, i3core.data.validation\nfrom i3core.cli.data import add_data\n"
        "parser = argparse.ArgumentParser()\nadd_data(parser.add_subparsers())\n"
        "open('a.txt', 'w').write('the cat')\n"
        "given = parser.parse_args(['data', '--data', 'a.txt', '--json'])\ngiven.run(given)\n"
        "sys.exit('torch' in sys.modules)"
    )
    outcome = process(code=code, fresh=True)
    assert outcome.status == 0, outcome.err
    assert outcome.out.count("\n") == 3  # reading, source, total
