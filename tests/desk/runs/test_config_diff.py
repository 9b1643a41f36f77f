"""Configurations compared: only what differs, told in the words of the settings."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.training.config import TRAINING_SETTINGS, TrainingConfig
from i3desk.runs.config_diff import (
    DEFAULTS,
    NOT_COMPARED,
    TOOLTIPS,
    changed_settings,
    label_of,
    setting_differences,
    value_text,
)

BASE = {"model": "i3-mini", "data": ["/data/pirate.jsonl"], "lr": 3e-4}


def table(*configs) -> dict[str, list[str]]:
    return {row.label: [cell.text for cell in row.cells] for row in setting_differences(configs)}


def test_only_settings_that_differ_are_rows_and_defaults_are_known_as_such():
    rows = setting_differences([BASE, BASE | {"lr": 1e-3, "batch_size": 4}, BASE])
    assert [row.label for row in rows] == ["Learning rate", "Batch size"]
    assert [cell.text for cell in rows[0].cells] == ["0.0003", "0.001", "0.0003"]
    assert [cell.is_default for cell in rows[0].cells] == [True, False, True]
    assert [cell.text for cell in rows[1].cells] == ["8", "4", "8"]  # not in the other configurations: the default
    assert rows[1].tooltip == TOOLTIPS["batch_size"]


def test_a_folder_of_its_own_is_no_difference_and_a_list_is_as_good_as_a_tuple():
    assert setting_differences([BASE | {"out": "/a"}, BASE | {"out": "/b", "data": ("/data/pirate.jsonl",)}]) == []
    assert setting_differences([BASE]) == setting_differences([]) == []


def test_zero_and_nothing_are_told_in_words():
    other = BASE | {"lora_rank": 8, "steps": 200, "loss_on": "all", "shuffle": False, "val": "/data/held.jsonl"}
    assert table(BASE, other) == {
        "Validation data": ["a share of the data", "held.jsonl"],
        "Steps": ["by epochs", "200"],
        "LoRA rank": ["off", "8"],
        "Learns from": ["replies", "everything"],
        "Shuffle": ["yes", "no"],
    }


def test_files_of_one_name_are_told_apart_by_their_folders():
    assert table(BASE, BASE | {"data": ["/other/pirate.jsonl"]}) == {
        "Data": ["/data/pirate.jsonl", "/other/pirate.jsonl"]
    }
    assert table(BASE, BASE | {"data": ["/other/butler.jsonl"]}) == {"Data": ["pirate.jsonl", "butler.jsonl"]}


def test_a_setting_of_another_version_is_shown_by_its_key():
    assert table(BASE, BASE | {"gravity_wells": 3}) == {"Gravity wells": ["none", "3"]}


def test_changes_are_what_the_user_set():
    config = asdict(TrainingConfig(data=("/data/pirate.jsonl",), out="/run", model="i3-mini", lr=1e-3, steps=50))
    assert [(each.label, each.text, each.default) for each in changed_settings(config)] == [
        ("Steps", "50", "by epochs"),
        ("Learning rate", "0.001", "0.0003"),
    ]


def test_every_setting_has_a_label_of_its_own():
    labels = [label_of(key) for key in (*DEFAULTS, "data")]
    assert len(set(labels)) == len(labels)
    assert all(label_of(setting.key) == setting.label for setting in TRAINING_SETTINGS)


values = st.one_of(
    st.integers(-2, 2),
    st.sampled_from([0.5, 1.5]),
    st.booleans(),
    st.text("ab/", max_size=2),
    st.lists(st.text("ab/,", max_size=2), max_size=2),
)
configs = st.dictionaries(st.sampled_from([*DEFAULTS, "data", "out", "new_key"]), values, max_size=4)


@given(st.lists(configs, min_size=1, max_size=3))
def test_rows_are_exactly_the_keys_with_different_values(several):
    def value(config, key):
        found = config.get(key, DEFAULTS.get(key))
        return tuple(found) if isinstance(found, list) else found

    keys = {key for config in several for key in config} - set(NOT_COMPARED)
    expected = {key for key in keys if any(value(c, key) != value(several[0], key) for c in several)}
    rows = setting_differences(several)
    assert {row.key for row in rows} == expected
    for row in rows:
        assert len(row.cells) == len(several)
        assert len({cell.text for cell in row.cells}) > 1, "a difference that cannot be seen"


@pytest.mark.parametrize(("key", "value", "text"), [("steps", 12_000, "12,000"), ("lr", 1e-5, "1e-05")])
def test_numbers_are_told_as_people_read_them(key, value, text):
    assert value_text(key, value) == text


def test_how_often_data_is_shown_is_told_in_words():
    assert value_text("data", ["/a/corrections.jsonl:1000", "/a/pirate.jsonl:1", "/a/odd:name.txt"]) == (
        "corrections.jsonl (shown 1,000×), pirate.jsonl, odd:name.txt"
    )
