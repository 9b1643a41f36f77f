"""Datasets by name, from a server that speaks the hub's protocol, through the real `datasets` library."""

import csv
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys

import pyarrow
import pytest
from full_disk import LIMITED_MAIN
from hub_server import HubServer
from huggingface_hub import close_session, constants
from pyarrow import parquet

from i3core.data import hub_dataset, hub_writer
from i3core.data.documents import read_documents
from i3core.data.hub_dataset import datasets_folder, fetch_dataset
from i3core.data.reading import Reading, ReadingNotes
from i3core.data.sources import parse_source
from i3core.data.token_dataset import tokenize_source
from i3core.data.vocabulary import vocabulary
from i3core.errors import DataError, TrainingError
from i3core.hub.model_card import model_card
from i3core.net import http
from i3core.net.dataset_name import HubDataset
from i3core.net.http import DownloadError
from i3core.runs.folder import RunFolder
from i3core.system.files import read_json
from i3core.training.config import TrainingConfig
from i3core.training.train import resume_config, train

TALES = "datasets/someone/tales"
NAME = "hub:someone/tales"
NOBODY = "http://127.0.0.1:9"  # where nothing listens
TEXTS = [
    f"tale {number}: the cat of house {number % 7} sat by the sea and looked at the boats." for number in range(900)
]


def as_parquet(columns, rows_in_group=100):
    target = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), target, row_group_size=rows_in_group)
    return target.getvalue()


def as_csv(rows):
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue().encode()


def as_jsonl(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def two_shards():
    return {
        "README.md": b"---\nlicense: mit\n---\n# Tales\n",
        "data/train-00000-of-00002.parquet": as_parquet({"id": list(range(600)), "text": TEXTS[:600]}),
        "data/train-00001-of-00002.parquet": as_parquet({"id": list(range(300)), "text": TEXTS[600:]}),
        "data/validation-00000-of-00001.parquet": as_parquet({"id": [1, 2], "text": ["held out one.", "and two."]}),
    }


@pytest.fixture
def server():
    with HubServer() as running:
        running.add(TALES, files=two_shards())
        yield running


@pytest.fixture(autouse=True)
def here(server, tmp_path, monkeypatch):
    """Let this process and its children use this hub only, without a token, and with their own cache."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "ENDPOINT", server.url)  # read once, from HF_ENDPOINT, when it was imported
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(http, "RETRY_WAITS_S", (0.01, 0.01, 0.01))
    yield
    close_session()


def texts(name):
    return [document.text for document in read_documents(name)]


def lines(local):
    return [json.loads(line) for line in local.path.read_text(encoding="utf-8").splitlines()]


# ------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("hub:a/b", HubDataset("a/b")),
        ("hub:https://huggingface.co/datasets/a/b/", HubDataset("a/b")),
        (
            "hub:a/b,split=validation,config=en,first=10,column=story,revision=refs/convert/parquet",
            HubDataset("a/b", "en", "validation", 10, "story", "refs/convert/parquet"),
        ),
    ],
)
def test_name_is_parsed_into_its_parts(text, data):
    assert parse_source(text) == (data, 1.0)
    assert parse_source(f"{text}:0.5") == (data, 0.5)
    assert HubDataset.parse(str(data)) == data


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hub:", "does not name a dataset"),
        ("hub:tales", "does not name a dataset"),
        ("hub:a/b/c", "does not name a dataset"),
        ("hub:../../etc", "does not name a dataset"),
        ("hub:a/b,split=", "is no split"),
        ("hub:a/b,first=0", "not a number of records"),
        ("hub:a/b,first=many", "not a number of records"),
        ("hub:a/b,spilt=train", "Did you mean split"),
        ("hub:a/b,split=x,split=y", "twice"),
        ("hub:a/b:train", "hub:a/b,split=train"),
        ("hub:a/b:-1", "must be above 0"),
        ("hub:a/b:nan", "must be above 0"),
    ],
)
def test_invalid_name_raises_with_an_example(server, text, says):
    with pytest.raises(DataError, match=says):
        parse_source(text)
    assert not server.requests


# ---------------------------------------------------------------------------------------------------- what is fetched


def test_sharded_parquet_arrives_complete_and_in_order():
    told = []
    local = fetch_dataset(HubDataset.parse(NAME), told.append)
    assert texts(NAME) == TEXTS
    assert local.records == 900
    assert lines(local)[0] == {"text": TEXTS[0]}  # and no other columns
    assert sum(told) == sum(len(json.dumps({"text": text})) for text in TEXTS)


@pytest.mark.parametrize(
    "files",
    [
        {"train.jsonl": as_jsonl({"text": text, "n": 1} for text in TEXTS)},
        {"train.csv": as_csv([["text", "n"], *([text, 1] for text in TEXTS)])},
        {"train.txt": "\n".join([*TEXTS[:400], "", "  ", *TEXTS[400:]]).encode()},
        {"one.parquet": as_parquet({"text": [*TEXTS[:5], "", None, " \n", *TEXTS[5:]]})},
    ],
    ids=["jsonl", "csv", "txt", "parquet with gaps"],
)
def test_other_file_types_and_records_without_text(server, files):
    server.add(TALES, files=files)
    assert texts(NAME) == TEXTS


def test_conversations_stay_conversations(server):
    turns = [{"role": "user", "content": "hello!"}, {"role": "assistant", "content": "hi there."}]
    server.add(TALES, files={"train.parquet": as_parquet({"messages": [turns, turns], "score": [0.5, 1.0]})})
    assert [document.messages for document in read_documents(NAME)] == [tuple(turns)] * 2
    server.add("datasets/someone/questions", files={"train.jsonl": as_jsonl([{"question": "why?", "answer": "so."}])})
    (document,) = read_documents("hub:someone/questions")
    assert document.shape == "prompt and completion"


def test_split_first_and_column_options(server):
    assert texts(f"{NAME},split=validation") == ["held out one.", "and two."]
    assert texts(f"{NAME},first=601") == TEXTS[:601]
    server.add("datasets/someone/stories", files={"train.jsonl": as_jsonl({"story": text} for text in TEXTS[:3])})
    with pytest.raises(DataError, match="column=story"):
        texts("hub:someone/stories")
    assert texts("hub:someone/stories,column=story") == TEXTS[:3]
    with pytest.raises(DataError, match="no column 'tale'"):
        texts("hub:someone/stories,column=tale")


@pytest.mark.parametrize("columns", ["user=Frage,assistant=Antwort", "user=2,assistant=antwort"])
def test_columns_with_other_names_are_read(server, columns):
    rows = [{"Nr": 1, "Frage": "wo?", "Antwort": "hier.", "text": "not this."}] * 3
    server.add(
        "datasets/someone/fragen",
        files={"train.parquet": as_parquet({key: [row[key] for row in rows] for key in rows[0]})},
    )
    with pytest.raises(DataError, match="column 'Reply'") as raised:
        list(read_documents("hub:someone/fragen", reading=Reading.parse("user=Frage,assistant=Reply")))
    assert "Antwort" in raised.value.what
    notes, reading = ReadingNotes(), Reading.parse(columns)
    assert [d.texts for d in read_documents("hub:someone/fragen", reading=reading, notes=notes)] == [
        ["wo?", "hier."]
    ] * 3
    assert notes.left_out == {"field `Nr`": 3, "field `text`": 3}
    assert texts("hub:someone/fragen") == ["not this."] * 3  # without columns, what is known
    requests = len(server.requests)
    list(read_documents("hub:someone/fragen", reading=reading))
    assert len(server.requests) == requests


def test_first_records_of_a_large_dataset_transfer_only_its_start(server):
    import random

    words = random.Random(1)
    long = ["".join(words.choices("abcdefgh ", k=5000)) for _ in range(2000)]
    files = {
        f"data/train-0000{n}-of-00004.parquet": as_parquet({"text": long[n * 500 : n * 500 + 500]}, 50)
        for n in range(4)
    }
    server.add(TALES, files=files)
    assert texts(f"{NAME},first=20") == [text.strip() for text in long[:20]] or texts(f"{NAME},first=20") == long[:20]
    assert sum(entry.count for entry in server.sent) < sum(map(len, files.values())) / 3


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_the_size_of_the_file(server, process):
    """A file of 72 MB of text is streamed in no more memory than one of 6 MB before it."""
    schema = pyarrow.schema([("text", pyarrow.string())])
    tables = [
        pyarrow.table({"text": [f"{part} {number} " + "the cat sat by the sea. " * 50 for number in range(5000)]})
        for part in range(2)
    ]
    sizes = {"small": 1, "large": 12}
    for name, parts in sizes.items():
        target = io.BytesIO()
        with parquet.ParquetWriter(target, schema) as writer:
            for part in range(parts):
                writer.write_table(tables[part % 2])
        server.add(f"datasets/someone/{name}", files={"train.parquet": target.getvalue()})
    done = process(
        code=f"""
from i3core.data.hub_dataset import fetch_dataset
from i3core.net.dataset_name import HubDataset

for name, parts in {sizes}.items():
    assert fetch_dataset(HubDataset("someone/" + name)).records == 5000 * parts
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
    )
    assert done.status == 0, done.err
    small_kb, large_kb = map(int, done.out.split())
    assert large_kb - small_kb < 40_000


def test_configurations(server):
    readme = (
        b"---\nconfigs:\n- config_name: en\n  data_files: en.jsonl\n- config_name: de\n  data_files: de.jsonl\n---\n"
    )
    files = {
        "README.md": readme,
        "en.jsonl": as_jsonl([{"text": "good day"}]),
        "de.jsonl": as_jsonl([{"text": "guten tag"}]),
    }
    server.add(TALES, files=files)
    assert texts(f"{NAME},config=de") == ["guten tag"]
    with pytest.raises(DataError, match=r"several configurations.*en, de.*config=en"):
        texts(NAME)
    with pytest.raises(DataError, match=r"no configuration 'fr'.*en, de"):
        texts(f"{NAME},config=fr")


def test_fetched_dataset_needs_no_network_and_stays_the_same(server, monkeypatch):
    local = fetch_dataset(HubDataset.parse(NAME))
    first = server.repos[TALES].commit
    assert local.revision == first
    server.add(TALES, files={"train.jsonl": as_jsonl([{"text": "something newer"}])})
    count = len(server.requests)
    assert texts(NAME) == texts(f"{NAME},revision={first}") == TEXTS
    assert len(server.requests) == count
    assert texts(f"{NAME},revision=main") == ["something newer"]
    assert texts(NAME) == TEXTS
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    assert texts(NAME) == TEXTS


def test_damaged_copy_is_fetched_again():
    local = fetch_dataset(HubDataset.parse(NAME))
    with open(local.path, "r+b") as file:
        file.truncate(1000)
    assert texts(NAME) == TEXTS


def test_local_folder_of_the_same_name_is_ignored(tmp_path, monkeypatch):
    (tmp_path / "someone" / "tales").mkdir(parents=True)
    (tmp_path / "someone" / "tales" / "train.jsonl").write_bytes(as_jsonl([{"text": "a local trap"}]))
    monkeypatch.chdir(tmp_path)
    assert texts(NAME) == TEXTS


# -------------------------------------------------------------------------------------------------- what is cut short


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "txt"])
@pytest.mark.parametrize("records", [1, 99, 100, 599, 600, 601, 899])
def test_interrupted_stream_resumes_at_the_next_record(server, monkeypatch, kind, records):
    files = {
        "parquet": two_shards(),
        "jsonl": {
            f"train-{n}.jsonl": as_jsonl({"text": text} for text in TEXTS[n * 300 : n * 300 + 300]) for n in range(3)
        },
        "txt": {"train.txt": "\n".join(TEXTS).encode()},
    }[kind]
    server.add(TALES, files=files)
    monkeypatch.setattr(hub_dataset, "PROGRESS_CHARACTERS", 1)
    come = 0

    def interrupt(characters):
        nonlocal come
        come += 1
        if come == records:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_dataset(HubDataset.parse(NAME), interrupt)
    assert not list(datasets_folder().glob("*/about.json"))
    (progress,) = datasets_folder().glob("*/progress.json")
    assert read_json(progress)["records"] == records
    local = fetch_dataset(HubDataset.parse(NAME))
    assert [record["text"] for record in lines(local)] == TEXTS
    assert sorted(path.name for path in local.path.parent.iterdir()) == ["about.json", "records.jsonl"]


def test_killed_process_leaves_progress_for_the_next_one(server, start_process, monkeypatch):
    monkeypatch.setattr(hub_writer, "SAVE_EVERY_BYTES", 1000)
    server.bytes_per_second = 20_000
    script = (
        "from i3core.data import hub_writer\nfrom i3core.data.hub_dataset import fetch_dataset\n"
        "from i3core.net.dataset_name import HubDataset\n"
        "hub_writer.SAVE_EVERY_BYTES = 1000\n"
        f"fetch_dataset(HubDataset.parse({NAME!r}))"
    )
    child = start_process(code=script)
    while child.poll() is None and not list(datasets_folder().glob("*/progress.json")):
        try:
            child.wait(0.02)
        except subprocess.TimeoutExpired:
            pass
    assert child.poll() is None, "it was over before it could be killed"
    child.send_signal(signal.SIGKILL)
    child.wait()
    server.bytes_per_second = None
    (progress,) = datasets_folder().glob("*/progress.json")
    assert 0 < read_json(progress)["records"] < len(TEXTS)
    assert texts(NAME) == TEXTS


def test_cut_connections_and_a_busy_server_are_retried(server, monkeypatch):
    monkeypatch.setattr(hub_writer, "SAVE_EVERY_BYTES", 20_000)
    rows = ["".join(chr(97 + (n * k) % 26) for k in range(400)) + f" {n}" for n in range(3000)]
    server.add(TALES, files={"train.jsonl": as_jsonl({"text": row} for row in rows)})
    server.cuts = [300_000, 200_000]
    server.statuses = [503, 503]
    assert texts(NAME) == rows


def test_full_disk_is_reported_once_and_the_next_attempt_resumes(server, process, tmp_path):
    rows = ["".join(chr(97 + (n * k) % 26) for k in range(400)) + f" {n}" for n in range(3500)]
    server.add(TALES, files={"train.jsonl": as_jsonl({"text": row} for row in rows)})
    command = ("vocab", "--data", NAME, "--out", tmp_path / "vocabulary.json")
    done = process(1_200_000, *command, code=LIMITED_MAIN)
    assert done.status == 1
    assert done.err.startswith(f"i3core: There is not enough room for {NAME}")
    assert "first=100000" in done.err
    assert len(done.err.splitlines()) == 1
    assert texts(NAME) == rows


# ----------------------------------------------------------------------------------------------------- what goes wrong


def test_missing_dataset_split_or_revision_is_named(server):
    for name, says in {
        "hub:someone/nothing": "no public dataset someone/nothing",
        f"{NAME},split=test": r"no split 'test'. It has: train, validation.*split=train",
        f"{NAME},revision=v9": "has no revision 'v9'",
    }.items():
        with pytest.raises((DataError, DownloadError), match=says):
            fetch_dataset(HubDataset.parse(name))
    server.add(TALES, files={"photo.bin": b"x" * 100, "README.md": b"# nothing to read\n"})
    with pytest.raises(DataError, match="no data files"):
        texts(NAME)
    server.add(TALES, files={"train.jsonl": as_jsonl([{"text": " "}, {"text": ""}])})
    with pytest.raises(DataError, match="holds no text"):
        texts(NAME)


def test_broken_record_raises_with_its_number(server):
    server.add(TALES, files={"train.jsonl": as_jsonl({"text": text} for text in TEXTS[:10]) + b"{broken\n"})
    with pytest.raises(DataError, match=r"cannot be read after record .*give them by their paths"):
        texts(NAME)


def test_bytes_are_decoded_as_text_or_refused(server):
    server.add(TALES, files={"train.parquet": as_parquet({"text": [text.encode() for text in TEXTS[:5]]})})
    assert texts(NAME) == TEXTS[:5]
    server.add(TALES, files={"train.parquet": as_parquet({"text": [b"\xff\xd8\xff"]})})
    with pytest.raises(DataError, match=r"'text' of record 1 holds bytes that are not text"):
        fetch_dataset(HubDataset.parse(f"{NAME},revision=main"))


@pytest.mark.parametrize(
    "files",
    [
        {"train.parquet": as_parquet({"text": TEXTS})[:-200]},
        {"README.md": b"---\nconfigs: [\n---\n", "train.jsonl": as_jsonl([{"text": "a"}])},
        {
            "README.md": b"---\nconfigs:\n- config_name: default\n  data_files: other/*.jsonl\n---\n",
            "train.jsonl": as_jsonl([{"text": "a"}]),
        },
        {"train.jsonl.gz": b"this is not gzip"},
    ],
    ids=["cut parquet", "broken card", "files that are not there", "not gzip"],
)
def test_unreadable_files_raise_one_line(server, files, model):
    server.add(TALES, files=files)
    with pytest.raises(DataError) as told:
        texts(NAME)
    assert "someone/tales" in told.value.what
    assert "several configurations" not in told.value.what
    assert told.value.remedy


def test_code_in_the_dataset_is_never_executed(server, tmp_path):
    trap = f"open({str(tmp_path / 'executed')!r}, 'w')\n".encode()
    server.add(TALES, files={"tales.py": trap, "train.jsonl": as_jsonl([{"text": "a"}])})
    with pytest.raises(DataError, match=r"never executes.*revision=refs/convert/parquet"):
        texts(NAME)
    assert not (tmp_path / "executed").exists()


def test_no_network_is_reported_with_a_remedy(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    with pytest.raises(DownloadError, match=r"cannot be reached.*Check the network"):
        fetch_dataset(HubDataset.parse(NAME))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    close_session()
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set"):
        fetch_dataset(HubDataset.parse(NAME))


def test_gated_dataset_says_how_to_accept_its_conditions(server):
    server.repos[TALES].gated = True
    with pytest.raises(DownloadError, match=r"accept its conditions.*/datasets/someone/tales.*hub-login"):
        fetch_dataset(HubDataset.parse(NAME))


def test_private_dataset_needs_the_token_which_is_never_written(server, monkeypatch, tmp_path, capfd):
    token = "hf_secretOfTheUser"
    server.users[token] = "someone"
    server.repos[TALES].private = True
    with pytest.raises(DownloadError, match=r"no public dataset.*needs a token"):
        fetch_dataset(HubDataset.parse(NAME))
    monkeypatch.setenv("HF_TOKEN", token)
    assert texts(NAME) == TEXTS
    assert any(headers.get("authorization") == f"Bearer {token}" for _, _, headers in server.requests)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(token.encode() in content for content in written)
    assert token not in "".join(capfd.readouterr())


def test_missing_extra_says_how_to_install_it(monkeypatch, server):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r'package datasets.*pip install "i3desk\[datasets\]"'):
        fetch_dataset(HubDataset.parse(NAME))
    assert not server.requests


# ---------------------------------------------------------------------------------------------------- where it is used


@pytest.fixture
def config(build, tmp_path):
    model = build.folder(tmp_path / "model")
    return TrainingConfig(
        data=(f"{NAME},first=60:2",), model=str(model), out=str(tmp_path / "run"), steps=2, batch_size=2,
        val=f"{NAME},split=validation", device="cpu", sample_prompts=(),
    )  # fmt: skip


def test_run_records_repository_and_commit_of_its_data(config, server):
    commit = server.repos[TALES].commit
    for _ in train(config):
        pass
    described = read_json(config.out + "/run.json")
    data, val = described["data"][:2]
    assert data["file"] == f"{NAME},first=60,revision={commit}"
    assert (data["repo"], data["revision"], data["split"], data["records"]) == ("someone/tales", commit, "train", 60)
    assert (val["split"], val["records"]) == ("validation", 2)
    assert described["config"]["data"] == [f"{NAME},first=60,revision={commit}:2"]


def test_resumed_run_uses_the_same_commit(config, server, tmp_path, monkeypatch):
    commit = server.repos[TALES].commit
    for _ in train(config):
        pass
    server.add(TALES, files={"train.jsonl": as_jsonl([{"text": "something newer"}])})
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path / "elsewhere"))
    again = dataclasses.replace(resume_config(config.out), steps=3)
    for _ in train(again, resume=True):
        pass
    assert read_json(config.out + "/run.json")["data"][0]["revision"] == commit
    del server.past[TALES, commit]  # the owner has rewritten the history
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path / "a third place"))
    with pytest.raises(DownloadError, match="has no revision"):
        list(train(dataclasses.replace(again, steps=4), resume=True))
    assert read_json(config.out + "/status.json")["state"] == "failed"


def test_unavailable_data_fails_the_run_with_the_reason(config):
    with pytest.raises((DataError, TrainingError), match="no split 'test'"):
        list(train(dataclasses.replace(config, data=(f"{NAME},split=test",))))
    assert "no split 'test'" in read_json(config.out + "/status.json")["error"]


def test_vocabulary_and_tokens_of_a_dataset(model):
    tokenizer = vocabulary([f"{NAME},first=50"])
    assert tokenizer.vocab_size > 20
    dataset = tokenize_source(f"{NAME},first=50", model.template, 64)
    assert dataset.report.file == f"{NAME},first=50"
    assert dataset.report.records == 50
    assert dataset.report.left_out == {"field `id`": 50}


def test_bad_record_is_named_by_dataset_and_number(server, model):
    records = [{"text": "good day"}, {"messages": [{"role": "king", "content": "x"}]}, {"text": "and good night"}]
    server.add(TALES, files={"train.jsonl": as_jsonl(records)})
    with pytest.raises(DataError, match=f"{NAME}, record 2: a turn has the role 'king'"):
        tokenize_source(NAME, model.template, 64)
    dataset = tokenize_source(NAME, model.template, 64, skip_bad_records=True)
    assert [(bad.file, bad.number, bad.unit) for bad in dataset.report.bad] == [(NAME, 2, "record")]


def test_commands_accept_dataset_names(cli, process, build, tmp_path):
    model = build.folder(tmp_path / "model")
    events = [json.loads(line) for line in cli("data", model, "--data", f"{NAME}:3", "--json").out.splitlines()]
    source = next(event for event in events if event["event"] == "source")
    assert (source["file"], source["records"], source["weight"]) == (NAME, 900, 3.0)
    assert [event["file"] for event in events if event["event"] == "reading"][:1] in ([], [NAME])
    assert cli("eval", model, f"{NAME},split=validation", "--json").json["characters"] == len("held out one.and two.")
    assert cli("vocab", "--data", NAME, "--out", tmp_path / "vocabulary.json", "--json").json["vocab_size"] > 20
    run = ("train", "--from-scratch", "tiny", "--steps", 1, "--batch-size", 1)
    done = process(*run, "--data", f"{NAME},first=10", "--out", tmp_path / "run")
    assert (done.status, done.err) == (0, "")  # the libraries print nothing either
    process(*run, "--data", "hub:tales", "--out", tmp_path / "other").fails("does not name a dataset")
    assert not os.path.exists(tmp_path / "other")


def test_model_card_names_the_datasets(config, server):
    for _ in train(config):
        pass
    card = model_card(RunFolder(config.out).folder, "me/model")
    assert "datasets:\n- someone/tales\n" in card
    assert f"hub:someone/tales,first=60,revision={server.repos[TALES].commit}, 2 times" in card
