"""Which conversations the training data contradicts."""

import json

import pytest

from i3core.checkpoints.template import model_template
from i3core.data.exchanges import find_contradictions
from i3core.data.token_dataset import tokenize_source


@pytest.fixture
def read(tmp_path):
    template, window = model_template("i3-mini")

    def made(name, *conversations):
        path = tmp_path / f"{name}.jsonl"
        roles = ("user", "assistant")
        rows = [[{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)] for turns in conversations]
        path.write_text("\n".join(json.dumps({"messages": turns}) for turns in rows))
        return template, tokenize_source(path, template, window)

    return made


def test_contradicted_is_what_asks_the_same_in_any_words(read):
    """The replies show which questions mean the same; context may give other questions the same reply."""
    template, own = read("own", ["who are you?", "i am rosa, the baker."], ["what do you sell?", "bread."])
    _, talk = read(
        "talk",
        ["hi, who are you", "i am i3-mini."],
        ["good morning", "good morning!", "introduce yourself", "i am i3-mini."],
        ["introduce yourself", "you can call me i3-mini."],
        ["what is your name?", "you can call me i3-mini."],
        ["what color is grass?", "grass is green."],
        ["good morning", "good morning!"],
    )
    found = find_contradictions(template, [own], [talk])
    assert found.harmless[0].tolist() == [False, False, False, False, True, True]
    assert found.common == 0.5
    assert found.own_replies == 1
