"""Valid inputs of each kind, to be damaged; for tests/long/fuzz.py."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import torch
from data_shapes import SHAPES
from run_folders import write_run

from i3core.checkpoints import checkpoint
from i3core.checkpoints.checksums import write_checksums
from i3core.generation.outputs import Alternative, Chunk
from i3core.model.config import preset
from i3core.model.lora import add_lora
from i3core.model.network import I3Network
from i3core.system.device import choose_device
from i3core.text.bpe import train_bpe
from i3core.text.chat_template import SPECIAL_ROLES, ChatTemplate
from i3core.text.tokenizer import build_tokenizer, count_chunks
from i3desk.conversations import import_export
from i3desk.conversations.conversation import ASSISTANT, USER, Conversation
from i3desk.conversations.store import Store
from i3desk.preferences import SettingsStore

TEXT = (
    "once upon a time there was a little cat who lived in a small house by the sea. hello! what do you like to do? " * 4
)
TALK = [("hello!", "hi there, how are you?"), ("what do you like?", "i like the sea.")]
SIZES = {"d_model": 16, "n_heads": 2, "d_state": 4, "window": 64}


def make_seeds(folder: Path) -> None:
    """Write valid inputs of each kind."""
    torch.set_num_threads(1)
    tokenizer = build_tokenizer(count_chunks([TEXT, *(text for pair in TALK for text in pair)]), 120, 1, SPECIAL_ROLES)
    template = ChatTemplate.for_model(tokenizer)
    device = choose_device("cpu", "float32")

    def model(tokens, template, **sizes):
        config = preset("tiny", vocab_size=tokens.vocab_size, **(SIZES | sizes))
        return checkpoint.Model(I3Network(config), tokens, config, template, device, "seed", None, {})

    plain, models = model(tokenizer, template), folder / "models"
    checkpoint.save(plain, models / "safetensors")
    write_checksums(models / "safetensors")
    checkpoint.save(plain, models / "public", "public")
    bpe = train_bpe([TEXT], 300, SPECIAL_ROLES)[0]
    checkpoint.save(model(bpe, ChatTemplate.for_model(bpe)), models / "bpe")
    _save_in_parts(models / "safetensors", models / "parts")
    adapted = checkpoint.load(models / "safetensors", device="cpu")
    add_lora(adapted.network, 2, 4.0)
    checkpoint.save(adapted, models / "adapter")
    pickled = models / "pickle"
    shutil.copytree(models / "public", pickled)
    torch.save(
        {"model": torch.load(pickled / "pytorch_model.bin", weights_only=True), "run": _Evil()},
        pickled / "pytorch_model.bin",
    )
    _write_runs(folder / "runs", models / "safetensors")
    _write_database(folder / "conversations.sqlite3")
    _write_imports(folder / "imports")
    _write_settings(folder / "settings")
    _write_data(folder / "data")


class _Evil:
    """Runs a program when it is unpickled by something careless."""

    def __reduce__(self):
        return os.system, ("true",)


def _save_in_parts(source: Path, target: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, target)
    (target / "checksums.json").unlink()
    weights = load_file(target / "model.safetensors")
    (target / "model.safetensors").unlink()
    names = sorted(weights)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, part in halves.items():
        save_file({name: weights[name] for name in part}, target / file)
    placed = {name: file for file, part in halves.items() for name in part}
    index = {"metadata": {"total_size": 1}, "weight_map": placed}
    (target / "model.safetensors.index.json").write_text(json.dumps(index))


def _write_runs(folder: Path, model: Path) -> None:
    run = write_run(folder / "run", val_losses=(4.0, 3.5, 3.0), note="a note", model=str(model))
    for name in ("last", "best"):
        shutil.rmtree(run / "checkpoints" / name, ignore_errors=True)
        shutil.copytree(model, run / "checkpoints" / name)
    (run / "samples.jsonl").write_text('{"step": 1, "prompt": "hello!", "text": "hi"}\n' * 3)
    (run / "trainer.log").write_text("i3core: warning: odd\ni3core: The disk is full.\n")
    (run / "request.json").write_text((run / "run.json").read_text())
    queued = folder / "queued"
    queued.mkdir()
    (queued / "request.json").write_text(json.dumps({"model": "i3-mini", "data": ["a.txt"], "out": str(queued)}))
    (queued / "queue.json").write_text('{"since": 1700000000.0, "resume": false}')
    (queued / "notes.json").write_text('{"name": "queued", "note": ""}')
    (queued / ".launch.json").write_text(
        json.dumps(
            {
                "at": 1.0,
                "waiting": {"since": 1.0, "resume": False},
                "log_from": 0,
                "by": 0,
                "pid": 0,
                "process_started": 0.0,
            }
        )
    )


def conversation(number: int) -> Conversation:
    """A chat with replies and their chunks."""
    made = Conversation()
    for index in range(6):
        message = made.add(ASSISTANT if index % 2 else USER, f"text {number} {index} {TEXT[:200]}", made.leaf)
        if index % 2:
            message.chunks = [Chunk(7, "th", 0.5, (Alternative(7, "th", 0.5), Alternative(8, "sh", 0.25)))] * 20
    return made


def _write_database(path: Path) -> None:
    with closing(Store(path)) as store:
        for number in range(8):
            store.add(conversation(number))
        store.delete(3)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _write_imports(folder: Path) -> None:
    folder.mkdir()
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello."}]
    node = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["hi"]}, "create_time": 1.7e9}
    mapping = {"a": {"id": "a", "message": node, "parent": None, "children": []}}
    contents = {
        "own": import_export.to_json(conversation(1)),
        "list": [import_export.to_json(conversation(2)), import_export.to_json(conversation(3))],
        "messages": {"messages": talk},
        "turns": talk,
        "chatgpt": [{"title": "t", "create_time": 1.7e9, "mapping": mapping, "current_node": "a"}],
        "claude": [
            {"name": "n", "created_at": "2024-01-01T00:00:00Z", "chat_messages": [{"sender": "human", "text": "hi"}]}
        ],
        "webui": [
            {
                "chat": {
                    "title": "t",
                    "history": {"messages": {"a": talk[0] | {"id": "a"}}, "currentId": "a"},
                    "messages": talk,
                }
            }
        ],
        "lmstudio": {
            "name": "n",
            "messages": [
                {"versions": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "currentlySelected": 0}
            ],
        },
    }
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    tavern = [
        {"user_name": "u", "character_name": "c", "chat_metadata": {}},
        {"name": "u", "is_user": True, "mes": "hi"},
    ]
    (folder / "tavern.jsonl").write_text("\n".join(map(json.dumps, tavern)))


def _write_settings(folder: Path) -> None:
    folder.mkdir()
    settings = SettingsStore(folder / "settings.json")
    settings.change(width=1000, model="/models/fox", own_folders=("/a", "/b"), presets=(), scale=125)
    settings.save()
    correction = {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}],
        "taught": "",
    }
    (folder / "corrections.jsonl").write_text(
        json.dumps(correction) + "\n" + json.dumps({"prompt": "a", "completion": "b"}) + "\n"
    )
    (folder / "runs.json").write_text(json.dumps({"runs": ["/a/b", "/c"]}))
    (folder / "i3desk.lock").write_text(json.dumps({"pid": 1, "started": 1.0}))
    (folder / "request.json").write_text(json.dumps({"model": "", "paths": ["/a.txt"]}))


def _write_data(folder: Path) -> None:
    folder.mkdir()
    for number, shape in enumerate(SHAPES):
        content = shape.content
        file = folder / f"{number}-{shape.file}"
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    pairs = [{"prompt": question, "completion": answer} for question, answer in TALK * 3]
    (folder / "pairs.json").write_text(json.dumps(pairs))
    (folder / "text.txt").write_text(TEXT)
    (folder / "notes.md").write_text(f"# title\n\n{TEXT}\n")
    for name, comma in (("table.csv", ","), ("table.tsv", "\t")):
        with open(folder / name, "w", newline="") as file:
            writer = csv.writer(file, delimiter=comma)
            writer.writerows([("user", "assistant"), *TALK * 3])
    (folder / "pairs.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, pairs)).encode()))
    (folder / "text.txt.xz").write_bytes(lzma.compress(TEXT.encode()))
    with suppress(ImportError):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(pairs), folder / "table.parquet")
    for program in ("WhatsApp", "telegram"):
        (folder / f"{program}.txt").write_text("[01.02.24, 10:11:12] Anna: hi\n[01.02.24, 10:11:13] Bob: hello\n" * 3)
