"""Damaged inputs of each kind, and their use as the program uses them; for tests/long/fuzz.py."""

from __future__ import annotations

import gzip
import http.client
import json
import lzma
import os
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from fuzz_seeds import conversation
from mutations import ODD_BYTES, damage_file, damage_folder, damage_text, damaged_bytes

from i3core.cli.main import build_parser, main
from i3core.cli.serve import open_server
from i3core.errors import I3Error
from i3core.runs.metrics_log import MetricsReader, SamplesReader
from i3core.runs.reader import log_tail, read_description, read_summary, saved_step
from i3desk.app import saved_scale
from i3desk.conversations import import_export
from i3desk.conversations.store import Store, backups, check, copying, recovery, search, stand_in, tidy
from i3desk.conversations.store.database import explain_errors
from i3desk.models.catalog import read_folder
from i3desk.preferences import SettingsStore
from i3desk.runs import launcher, operations
from i3desk.runs.loss_history import LossReader
from i3desk.runs.scanner import RunScanner
from i3desk.single_instance import StartRequest, SystemLock
from i3desk.teach.corrections import Corrections
from i3desk.window.drop_kind import kind_of

Use = Callable[[], None]


def i3core(*arguments: object, may_fail: bool = True) -> None:
    """Run a command in this process; it may refuse, but only with a message."""
    try:
        status = main([str(each) for each in arguments])
    except SystemExit as end:  # wrong options
        status = end.code
    assert status == 0 or (may_fail and status in (1, 2)), f"{arguments} ended with {status}"


# ------------------------------------------------------------------------------------------------------------ the kinds


def _model(chance: random.Random, seeds: Path, case: Path) -> Use:
    name = chance.choice(sorted(path.name for path in (seeds / "models").iterdir()))
    folder = case / name
    shutil.copytree(seeds / "models" / name, folder)
    if name == "adapter":
        shutil.copytree(seeds / "models" / "safetensors", case / "safetensors")
    if name != "pickle" or chance.random() < 0.9:
        damage_folder(chance, folder)

    def use() -> None:
        kind_of(folder)
        with suppress(I3Error):
            read_folder(folder)
        i3core("info", folder)
        i3core("verify", folder)
        i3core("generate", folder, "--prompt", "hello", "--max-new-tokens", 2, "--seed", 1, "--device", "cpu")
        if chance.random() < 0.2:
            form = chance.choice(("safetensors", "public", "transformers"))
            i3core("convert", folder, case / "converted", "--to", form)

    return use


def _run(chance: random.Random, seeds: Path, case: Path) -> Use:
    name = chance.choice(("run", "run", "run", "queued"))
    folder = case / "runs" / name
    shutil.copytree(seeds / "runs" / name, folder)
    shutil.copytree(seeds / "runs" / "run", case / "runs" / "good")
    damage_folder(chance, folder)

    def no_start(*_: object) -> int:
        raise I3Error("Nothing is started here.")

    def use() -> None:
        launcher.spawn = no_start
        scan = RunScanner(case / "runs").scan()
        assert any(each.folder.name == "good" for each in scan.summaries), "the good run is not listed"
        read_summary(folder)
        read_description(folder)
        saved_step(folder)
        log_tail(folder)
        MetricsReader(folder).read()
        SamplesReader(folder).read()
        LossReader(folder).read()
        i3core("runs", case / "runs")
        i3core("runs", case / "runs", "--json")
        for work in (lambda: operations.change_notes(folder, name="n"), lambda: operations.leave_queue(folder)):
            with suppress(I3Error):
                work()
        if name == "run" and chance.random() < 0.3:
            i3core("keep", folder, "kept")
            i3core("train", "--resume", folder, "--steps", 1)

    return use


def _database(chance: random.Random, seeds: Path, case: Path) -> Use:
    path = case / "conversations.sqlite3"
    shutil.copyfile(seeds / path.name, path)
    match chance.randrange(6):
        case 0:
            _change_rows(chance, path)
        case 1:
            for suffix in ("-wal", "-shm", "-journal"):
                Path(f"{path}{suffix}").write_bytes(chance.choice((b"", *ODD_BYTES, chance.randbytes(40_000))))
        case 2:
            damage_file(chance, path)
        case _:
            path.write_bytes(damaged_bytes(chance, path.read_bytes()))

    def use() -> None:
        with suppress(I3Error):
            Store.open_at_once(path).close()
        with suppress(I3Error):
            stand_in.make_copy(path)
        try:
            with explain_errors(path):
                recovery.make_usable(path, busy_s=0)
            store = Store(path, recover=False)
        except I3Error:
            return
        with closing(store), suppress(I3Error):
            store.mark_cut()
            for row in store.rows():
                stored = store.open_with_chunks(row.id)
                import_export.to_markdown(stored)
                json.dumps(import_export.to_json(stored))
            store.deleted()
            search(path, "text")
            store.add(conversation(99))
            check(path)
            tidy(path)
            backups.copy_daily(path)
        with suppress(I3Error):
            copying.move_over(path, case / "other.sqlite3")

    return use


def _change_rows(chance: random.Random, path: Path) -> None:
    """Odd values in the tables, as another program or another version may have written them."""
    values = [
        None,
        b"\xff\xfe",
        "\0",
        -1,
        2**62,
        1e300,
        "x" * 10_000,
        "[1, 2",
        '{"a": 1}',
        "[" * 3000,
        b"\x78\x9c\x00",
        "",
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(chance.randint(1, 4)):
            table = chance.choice(tables)
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            with suppress(sqlite3.Error, OverflowError, IndexError):  # a table that is gone has no columns
                match chance.randrange(8):
                    case 0:
                        connection.execute(f'DROP TABLE "{table}"')
                    case 1:
                        connection.execute(f'DELETE FROM "{table}" WHERE rowid % 2')
                    case 2:
                        connection.execute(f"PRAGMA user_version = {chance.choice((0, 1, 99, -1))}")
                    case _:
                        column = chance.choice(columns)
                        connection.execute(
                            f'UPDATE OR IGNORE "{table}" SET "{column}" = ? WHERE rowid % 3 = 1',
                            [chance.choice(values)],
                        )


def _import(chance: random.Random, seeds: Path, case: Path) -> Use:
    path = case / chance.choice(sorted(each.name for each in (seeds / "imports").iterdir()))
    shutil.copyfile(seeds / "imports" / path.name, path)
    damage_file(chance, path)

    def use() -> None:
        kind_of(path)
        try:
            conversations = import_export.read_file(path)
        except I3Error:
            conversations = []
        with closing(Store(":memory:")) as store:
            for each in conversations:
                with suppress(I3Error):
                    back = store.open_with_chunks(store.import_conversation(each))
                    import_export.to_markdown(back)
                    json.dumps(import_export.to_json(back))
            store.rows()
        i3core("data", "--model", seeds / "models" / "safetensors", "--data", path)

    return use


def _settings(chance: random.Random, seeds: Path, case: Path) -> Use:
    shutil.copytree(seeds / "settings", case / "home" / "i3desk")
    folder = case / "home" / "i3desk"
    damage_folder(chance, folder)
    shutil.copyfile(folder / "runs.json", os.environ["I3DESK_RUNS_FILE"]) if (folder / "runs.json").is_file() else None
    line = damage_text(chance, b'{"model": "", "paths": ["/a.txt"]}')

    def use() -> None:
        from i3desk.paths import Paths

        store = SettingsStore(folder / "settings.json")
        store.change(width=901)
        store.save()
        SettingsStore(folder / "settings.json")
        saved_scale(Paths.under(folder))
        Corrections(folder / "corrections.jsonl").load()
        lock = SystemLock(folder / "i3desk.lock")
        lock.holder()
        with suppress(OSError):
            if lock.acquire():
                lock.release()
        StartRequest.from_line(line)
        i3core("runs")
        i3core("models")

    return use


def _data(chance: random.Random, seeds: Path, case: Path) -> Use:
    path = case / chance.choice(sorted(each.name for each in (seeds / "data").iterdir()))
    shutil.copyfile(seeds / "data" / path.name, path)
    if path.suffix == ".gz" and chance.random() < 0.7:
        path.write_bytes(gzip.compress(damage_text(chance, gzip.decompress(path.read_bytes()))))
    elif path.suffix == ".xz" and chance.random() < 0.7:
        path.write_bytes(lzma.compress(damage_text(chance, lzma.decompress(path.read_bytes()))))
    else:
        damage_file(chance, path)
    model = seeds / "models" / chance.choice(("safetensors", "bpe"))
    more = chance.choice(((), ("--json",), ("--skip-bad-records",), ("--loss-on", "all"), ("--sample-bytes", "500")))

    def use() -> None:
        kind_of(path)
        i3core("data", "--model", model, "--data", path, *more)
        i3core("eval", model, path, "--device", "cpu")

    return use


BODIES = {
    "chat/completions": {
        "model": "safetensors",
        "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}],
        "max_tokens": 2,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "seed": 1,
        "n": 1,
        "stream": False,
        "stop": ["x"],
        "logprobs": True,
        "top_logprobs": 2,
        "logit_bias": {"3": 1.0},
        "frequency_penalty": 0.1,
        "tools": [],
        "user": "u",
        "response_format": {"type": "text"},
        "stream_options": {"include_usage": True},
        "min_p": 0.1,
    },
    "completions": {
        "prompt": "the sea",
        "max_tokens": 2,
        "echo": True,
        "logprobs": 1,
        "seed": 1,
        "n": 1,
        "best_of": 1,
        "suffix": "",
    },
    "responses": {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "max_output_tokens": 2,
        "instructions": "x",
    },
}
_server: list = []


def _port(seeds: Path) -> int:
    """The port of a server in a thread of this process, which ends with it."""
    if not _server:
        arguments = build_parser().parse_args(
            ["serve", str(seeds / "models" / "safetensors"), "--port", "0", "--device", "cpu"]
        )
        opened = open_server(arguments)
        server = opened.__enter__()
        threading.Thread(target=server.run, daemon=True).start()
        _server.extend((opened, int(server.url.rpartition(":")[2].partition("/")[0])))
    return _server[1]


def _request(chance: random.Random, seeds: Path, case: Path) -> Use:
    route = chance.choice(list(BODIES))
    body = BODIES[route] | ({"stream": True} if chance.random() < 0.2 else {})
    sent = damage_text(chance, json.dumps(body).encode())
    headers = {"Content-Type": "application/json"}
    if chance.random() < 0.1:
        headers[chance.choice(("Content-Type", "Authorization", "X-I3-Client", "Origin", "Accept"))] = chance.choice(
            ("", "text/plain", "a" * 5000, "application/json; charset=utf-16", "*/*")
        )
    method = chance.choice(("POST", "POST", "POST", "POST", "PUT", "GET", "OPTIONS", "DELETE"))
    path = (
        f"/v1/{route}" if chance.random() < 0.95 else f"/v1/{chance.choice(('models/', '..%2f..', '%00', 'x' * 3000))}"
    )
    port = _port(seeds)

    def use() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=50)
        try:
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status < 500, f"{answer.status} {text} after {sent[:300]!r}"
            if "json" in (answer.headers["Content-Type"] or "") and text:
                json.loads(text)
            connection.request("GET", "/health")
            assert connection.getresponse().read()
        finally:
            connection.close()

    return use


KINDS: dict[str, Callable[[random.Random, Path, Path], Use]] = {
    "model": _model,
    "run": _run,
    "database": _database,
    "import": _import,
    "settings": _settings,
    "data": _data,
    "request": _request,
}
