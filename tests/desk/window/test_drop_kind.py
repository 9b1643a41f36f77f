"""What a dropped file or folder is taken for."""

from __future__ import annotations

import json
import os

import pytest

from i3core.system import assets
from i3desk.window.drop_kind import Dropped, kind_of

TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello."}]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("notes.txt", "once upon a time", Dropped.DATA),
        ("NOTES.MD", "# once", Dropped.DATA),
        ("pairs.csv", "user,assistant\nhi,hello\n", Dropped.DATA),
        ("pairs.jsonl", json.dumps({"prompt": "hi", "completion": "hello"}), Dropped.DATA),
        ("talks.jsonl", json.dumps({"messages": TALK}), Dropped.DATA),
        ("list.json", json.dumps([{"prompt": "hi", "completion": "hello"}]), Dropped.DATA),
        ("talks.json", json.dumps([{"messages": TALK}]), Dropped.DATA),
        ("empty.json", "", Dropped.DATA),
        ("chat.json", json.dumps({"i3desk_conversation": 1, "messages": []}), Dropped.CHAT),
        ("chats.json", json.dumps({"conversations": [{"i3desk_conversation": 1, "messages": []}]}), Dropped.CHAT),
        ("chats.jsonl", json.dumps({"i3desk_conversation": 1, "messages": []}), Dropped.CHAT),
        ("talk.json", json.dumps({"messages": TALK}, indent=1), Dropped.CHAT),
        ("turns.json", json.dumps(TALK, indent=2), Dropped.CHAT),
        ("model.safetensors", "x", Dropped.MODEL),
        ("config.json", "{}", Dropped.MODEL),
        ("gpt4all-1.chat", "x", Dropped.CHAT),
        ("photo.png", "x", Dropped.MODEL),  # whose page says that it is no model
    ],
)
def test_kind_of_file_follows_name_and_content(tmp_path, name, content, kind):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert kind_of(path) is kind


def test_kind_of_folder_follows_its_files(tmp_path):
    assert kind_of(assets.path("models/i3-mini")) is Dropped.MODEL
    assert kind_of(assets.path("data")) is Dropped.DATA
    assert kind_of(tmp_path) is Dropped.MODEL
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "metrics.jsonl").write_text("")
    assert kind_of(tmp_path) is Dropped.MODEL


def test_missing_file_has_the_kind_of_its_name(tmp_path):
    assert kind_of(tmp_path / "gone.jsonl") is Dropped.DATA
    assert kind_of(tmp_path / "gone") is Dropped.MODEL


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    assert kind_of(tmp_path / "pipe.json") is Dropped.MODEL  # that page says what is wrong
