"""Comparing: the same prompt and seed for all, one refusal stops nobody else, common words under each other."""

import argparse
import dataclasses
import io
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.checkpoints.checkpoint import load
from i3core.cli.compare import add_compare, read_prompt
from i3core.cli.side_by_side import common_words, side_by_side
from i3core.errors import ConfigError, I3Error, PromptError
from i3core.generation.comparison import Comparison
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import generate

ANSWERS = st.lists(
    st.lists(st.sampled_from(["the", "sea", "is", "blue", "matey"]), max_size=12), min_size=2, max_size=4
)


@pytest.fixture
def folders(build, tmp_path):
    """Two model folders with different weights, and one with a small window."""
    kinds = {"one": {}, "two": {"seed": 1}, "narrow": {"window": 32}}
    return [build.folder(tmp_path / name, **kind) for name, kind in kinds.items()]


@pytest.fixture
def compare(capsys, monkeypatch):
    """Runs the command with lines on its standard input; returns the exit status and what it printed."""

    def run(*arguments, lines=()):
        parser = argparse.ArgumentParser()
        add_compare(parser.add_subparsers())
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))
        parsed = parser.parse_args(["compare", *map(str, arguments)])
        try:
            parsed.run(parsed)
            status = 0
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run


def records(out):
    return [json.loads(line) for line in out.splitlines()]


def answer(lines, prompt, model):
    """Text and last record of one model's answer."""
    own = [line for line in lines if line.get("prompt") == prompt and line.get("model") == model]
    return "".join(line.get("text", "") for line in own), own[-1]


def alone(folder, prompt, **settings):
    """What a model says when it is asked by itself."""
    config = SamplingConfig(**settings)
    pieces = generate(load(folder, "cpu", "float32"), [{"role": "user", "content": prompt}], config)
    return "".join(piece.text for piece in pieces)


def test_each_model_answers_as_it_would_alone_with_that_seed(folders, compare):
    status, out, err = compare(
        *folders[:2], "--json", "--prompt", "hello!", "--prompt", "the cat.", "--seed", 5, "--max-new-tokens", 12
    )
    lines = records(out)
    assert (status, err) == (0, "")
    assert lines[0] == {"event": "ready", "models": ["one", "two"]}
    for number, prompt in enumerate(("hello!", "the cat.")):
        for model, folder in enumerate(folders[:2]):
            text, end = answer(lines, number, model)
            assert text == alone(folder, prompt, seed=5, max_new_tokens=12)
            assert end["done"] is True
            assert end["seed"] == 5
            assert end["finish_reason"] in ("stop", "length")
            assert 1 <= end["tokens"] <= 12
    assert answer(lines, 0, 0)[0] != answer(lines, 0, 1)[0]


def test_without_a_seed_models_share_one_and_prompts_differ(folders, compare):
    _, out, _ = compare(folders[0], folders[0], "--json", "--max-new-tokens", 12, lines=["hello!"] * 4)
    lines = records(out)
    seeds = set()
    for number in range(4):
        (first, end), (second, other) = answer(lines, number, 0), answer(lines, number, 1)
        assert first == second
        assert end["seed"] == other["seed"]
        seeds.add(end["seed"])
    assert len(seeds) == 4


def test_line_has_its_own_settings_and_a_refused_line_stops_nothing(folders, compare):
    lines_in = [
        '{"prompt": "hello!", "seed": 3, "max_new_tokens": 2, "temperature": 1.5}',
        '{"prompt": "hello!", "temperature": 9}',
        '{"prompt": "hello!", "temprature": 1}',
        '{"prompt": "hello!"',
        '{"seed": 1}',
        '{"prompt": "  "}',
        "",
        "{hello!}",
        "the cat.",
    ]
    status, out, err = compare(*folders[:2], "--json", "--seed", 1, "--max-new-tokens", 6, lines=lines_in)
    lines = records(out)
    assert (status, err) == (0, "")
    assert answer(lines, 0, 0)[0] == alone(folders[0], "hello!", seed=3, max_new_tokens=2, temperature=1.5)
    refusals = {line["prompt"]: line["error"] for line in lines if "error" in line and "model" not in line}
    assert "temperature" in refusals[1]
    assert "temprature" in refusals[2]
    assert "empty" in refusals[5]
    assert set(refusals) == {1, 2, 3, 4, 5, 6}
    assert answer(lines, 7, 1)[0] == alone(folders[1], "the cat.", seed=1, max_new_tokens=6)


def test_prompt_refused_by_one_model_is_answered_by_the_others(folders, compare):
    long = "the cat liked to sit on the wall. " * 3
    status, out, _ = compare(folders[2], folders[0], "--json", "--max-new-tokens", 4, lines=[long, "hi"])
    lines = records(out)
    assert status == 0
    assert "window" in answer(lines, 0, 0)[1]["error"]
    assert answer(lines, 0, 1)[1]["done"] is True
    assert answer(lines, 1, 0)[1]["done"] is True


def test_refused_prompt_option_fails_the_command_after_the_others_are_answered(folders, compare):
    status, out, err = compare(*folders[:2], "--prompt", "hi", "--prompt", " ", "--prompt", "hi", "--seed", 1)
    assert status == 1
    assert "empty" in err
    assert out.count("> hi") == 2


def test_too_few_models_and_wrong_options_are_reported_before_loading(compare, tmp_path):
    with pytest.raises(ConfigError, match="at least two"):
        compare(tmp_path / "nothing", "--prompt", "hi")
    with pytest.raises(ConfigError, match="temperature"):
        compare(tmp_path / "nothing", tmp_path / "nowhere", "--temperature", 7)
    with pytest.raises(I3Error, match="nowhere"):
        compare(tmp_path / "nowhere", tmp_path / "nowhere", "--prompt", "hi")


def test_models_of_the_same_name_are_shown_by_their_paths(folders, compare):
    _, out, _ = compare(folders[0], folders[0], folders[1], "--json")
    assert records(out) == [{"event": "ready", "models": [str(folders[0]), str(folders[0]), "two"]}]


def test_terminal_shows_answers_below_each_other(folders, compare):
    _, out, _ = compare(folders[0], folders[1], "--prompt", "hello!", "--seed", 2, "--max-new-tokens", 8)
    first, *rows = out.splitlines()
    assert first == "> hello!"
    assert rows[0].startswith("  one  ")
    assert any(row.startswith("  two  ") for row in rows)
    shown = "".join(row[7:] + " " for row in rows if row.startswith("  one")).split()
    assert shown == alone(folders[0], "hello!", seed=2, max_new_tokens=8).split()


def test_open_input_is_answered_line_by_line(folders, start_environment):
    """Line by line through pipes, with the models loaded once; it ends with its input."""
    command = [sys.executable, "-m", "i3core", "compare", *map(str, folders[:2]), "--json", "--max-new-tokens", "5"]
    child = subprocess.Popen(
        command,
        env=start_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert json.loads(child.stdout.readline())["event"] == "ready"
        for number in range(2):
            child.stdin.write(json.dumps({"prompt": "hello!", "seed": number}) + "\n")
            child.stdin.flush()
            ends = []
            while len(ends) < 2:
                line = json.loads(child.stdout.readline())
                assert line["prompt"] == number
                ends += [line["model"]] if line.get("done") else []
            assert ends == [0, 1]
        rest, complaints = child.communicate(timeout=60)
        assert (rest, complaints, child.returncode) == ("", "", 0)
    finally:
        child.kill()
        child.wait()


def test_ending_a_comparison_stops_every_model(folders):
    models = [load(folder, "cpu", "float32") for folder in folders[:2]]
    items = list(Comparison(models).answer("hello!", SamplingConfig(max_new_tokens=50), cancelled=lambda: True))
    assert [(number, piece.finish_reason) for number, piece in items] == [(0, "cancelled"), (1, "cancelled")]


def test_line_is_a_plain_prompt_unless_it_is_a_json_object():
    assert read_prompt(" hello ") == (" hello ", {})
    assert read_prompt('["hello"]') == ('["hello"]', {})
    assert read_prompt('{"prompt": "hi", "seed": 4, "stop": ["."]}') == ("hi", {"seed": 4, "stop": (".",)})


@given(ANSWERS)
def test_common_words_are_the_same_word_everywhere_and_in_order(answers):
    shared = common_words(answers)
    for places in shared:
        assert len({answer[place] for answer, place in zip(answers, places, strict=True)}) == 1
    for row in range(len(answers)):
        assert [places[row] for places in shared] == sorted({places[row] for places in shared})
    if all(answer == answers[0] for answer in answers):
        assert len(shared) == len(answers[0])


@given(ANSWERS, st.integers(20, 60))
def test_side_by_side_loses_no_word_and_keeps_to_the_width(answers, width):
    names = [f"model {number}" for number in range(len(answers))]
    lines = side_by_side(names, [" ".join(answer) for answer in answers], width)
    for name, words in zip(names, answers, strict=True):
        own = [line.removeprefix(name) for line in lines if line.startswith(name)]
        assert " ".join(own).split() == words
    assert max(map(len, lines), default=0) <= max(width, 20 + len(names[0]) + 2)


def test_shared_words_form_one_column():
    lines = side_by_side(["base", "pirate"], ["i like the blue sea", "arr, i like to sail the sea"])
    assert lines == ["base         i like         the blue sea", "pirate  arr, i like to sail the      sea"]


def test_answers_with_nothing_in_common_are_wrapped_whole():
    lines = side_by_side(["a", "b"], ["one two three four five six", "seven"], width=23)
    assert lines == ["a  one two three four", "b  seven", "", "a  five six", "b"]


def test_refusals_and_pieces_are_plain_values(folders):
    model = load(folders[2], "cpu", "float32")
    ((number, refused),) = Comparison([model]).answer("the cat sat on the wall. " * 9, SamplingConfig(max_new_tokens=4))
    assert number == 0
    assert isinstance(refused, PromptError)
    ((_, piece),) = Comparison([model]).answer("hi", SamplingConfig(max_new_tokens=1))
    assert json.dumps(dataclasses.asdict(piece))
