"""Downloads from a server that speaks the hub's protocol: complete, cut, killed, damaged, refused."""

import hashlib
import json
import signal
import subprocess
import time

import numpy as np
import pytest
from full_disk import LIMITED_MAIN
from hub_server import HubServer
from huggingface_hub import close_session, constants
from safetensors.numpy import save as to_bytes

from i3core.checkpoints import registry
from i3core.checkpoints.checkpoint import load
from i3core.checkpoints.checksums import read_checksums
from i3core.errors import CheckpointError
from i3core.hub.download import download, resolve
from i3core.net import http
from i3core.net.http import DownloadError

WEIGHTS = "model.safetensors"
REPO = "someone/small"


@pytest.fixture(scope="module")
def original(build, tmp_path_factory):
    """A model folder of some 900 kB with a README."""
    folder = build.folder(tmp_path_factory.mktemp("original") / "small", d_model=96, ffn_width=384, n_heads=4)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# small\n\nA small model.\n")
    return folder


@pytest.fixture
def server(original):
    with HubServer() as running:
        running.add(REPO, original, {"training.log": b"not needed", "optimizer.pt": b"x" * 100_000})
        running.add("someone/pickled", original, {"pytorch_model.bin": b"never wanted" * 10_000})
        yield running


@pytest.fixture(autouse=True)
def here(server, tmp_path, monkeypatch):
    """Let this process and its children use this hub only, without a token, and their own folder of models."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("I3DESK_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(http, "RETRY_WAITS_S", (0.01, 0.01, 0.01))
    yield
    close_session()


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def start(start_process):
    """Start `i3core download --json` as the window does."""
    return lambda *arguments: start_process("download", *arguments, "--json", stdout=subprocess.PIPE)


def same_model(folder, original):
    return all((folder / name).read_bytes() == (original / name).read_bytes() for name in (WEIGHTS, "tokenizer.json"))


def part_bytes(models):
    """Bytes of the weights received so far."""
    return sum(path.stat().st_size for path in (models / "small.partial").glob(f"{WEIGHTS}.*.part"))


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_complete_download_is_verified_and_registered(server, models, original):
    told = []
    folder = download(REPO, progress=told.append)
    assert folder == models / "small" == registry.downloaded()["small"] == registry.find("small")
    assert same_model(folder, original)
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "checksums.json", "config.json", WEIGHTS, "tokenizer.json",
    ]  # fmt: skip
    assert sorted(path.name for path in models.iterdir()) == ["small"]
    sums = json.loads((folder / "checksums.json").read_text())
    assert sums["source"] == REPO
    assert sums["revision"] == server.repos[REPO].commit
    assert sums["files"][WEIGHTS]["sha256"] == hashlib.sha256((original / WEIGHTS).read_bytes()).hexdigest()
    assert load(folder, "cpu").parameters == load(original, "cpu").parameters
    total = sum((original / name).stat().st_size for name in (WEIGHTS, "tokenizer.json", "config.json", "README.md"))
    assert (told[-1].done_bytes, told[-1].total_bytes, told[-1].file) == (total, total, WEIGHTS)
    assert [entry.done_bytes for entry in told] == sorted(entry.done_bytes for entry in told)


def test_requests_are_pinned_to_one_commit_without_a_token(server):
    """Pinned to one commit, with no token, and nothing but what the model needs."""
    download("someone/pickled")
    commit = server.repos["someone/pickled"].commit
    asked = [path for _, path, _ in server.requests]
    assert asked[0] == "/api/models/someone/pickled/revision/main"
    assert sorted(path for path in asked[1:] if not path.startswith("/cdn/")) == [
        f"/someone/pickled/resolve/{commit}/{name}" for name in ("README.md", "config.json", WEIGHTS, "tokenizer.json")
    ]
    assert {method for method, _, _ in server.requests} == {"GET"}
    assert all("authorization" not in headers for _, _, headers in server.requests)


def test_token_of_the_user_opens_a_gated_repository(server, monkeypatch, original, models):
    server.repos[REPO].gated = True
    with pytest.raises(DownloadError, match="conditions") as refused:
        download(REPO)
    assert f"{server.url}/{REPO}" in refused.value.remedy
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    server.requests.clear()
    assert same_model(download(REPO), original)
    sent = {path.startswith("/cdn/"): headers.get("authorization") for _, path, headers in server.requests}
    assert sent == {False: "Bearer hf_of_the_user", True: None}  # the other host is not told


def test_second_download_requests_only_the_listing(server):
    first = download(REPO)
    count = len(server.requests)
    assert download(REPO) == first
    assert len(server.requests) == count + 1
    server.add(REPO, first, {"README.md": b"newer"})
    with pytest.raises(CheckpointError, match="another version"):
        download(REPO)


def test_download_resumes_after_its_repository_moved(server, original, models):
    assert download(REPO, cancelled=lambda: part_bytes(models) > 0) is None
    kept = part_bytes(models)
    server.repos[f"new/{REPO.split('/')[1]}"] = server.repos[REPO]
    server.moved[REPO] = f"new/{REPO.split('/')[1]}"
    server.sent.clear()
    assert same_model(download(REPO), original)
    assert [entry.start for entry in server.sent if entry.file == WEIGHTS] == [kept]


def test_moved_repository_is_downloaded(server, original, models):
    server.moved["before/small"] = REPO
    assert same_model(download("before/small"), original)


def test_names_resolve_to_repositories():
    assert resolve("i3-80m") == resolve("https://huggingface.co/FlameF0X/i3-80m/") == "FlameF0X/i3-80m"
    for name in ("nonsense", "a/b/c", "/b", ""):
        with pytest.raises(DownloadError, match="not the name"):
            resolve(name)
    with pytest.raises(DownloadError, match="not the name"):
        download("../../etc")
    with pytest.raises(DownloadError, match="not the name"):
        download("a/..")


def test_cut_connection_is_resumed(server, original):
    """Within one call: the second connection sends only what the first did not."""
    server.cuts = [200_000, 200_000]
    assert same_model(download(REPO), original)
    sent = [entry for entry in server.sent if entry.file == WEIGHTS]
    assert [entry.start for entry in sent] == [0, 200_000, 400_000]
    assert server.bytes_sent(WEIGHTS) == (original / WEIGHTS).stat().st_size


def test_broken_network_keeps_the_received_bytes(server, original, models):
    server.cuts = [300_000, *[0] * 20]
    with pytest.raises(DownloadError, match="connection broke") as broken:
        download(REPO)
    assert "continues where it stopped" in broken.value.remedy
    assert part_bytes(models) == 300_000
    assert "small" not in registry.downloaded()
    (unfinished,) = registry.interrupted()
    assert (unfinished.name, unfinished.repo, unfinished.revision) == ("small", REPO, "main")
    assert 300_000 < unfinished.done_bytes < unfinished.total_bytes
    server.cuts.clear()
    server.sent.clear()
    assert same_model(download(REPO), original)
    assert [(entry.file, entry.start) for entry in server.sent] == [(WEIGHTS, 300_000)]


def test_server_without_ranges_sends_everything_again(server, original):
    server.cuts, server.ignore_range = [200_000], True
    told = []
    assert same_model(download(REPO, progress=told.append), original)
    assert [entry.start for entry in server.sent if entry.file == WEIGHTS] == [0, 0]
    assert told[-1].done_bytes == told[-1].total_bytes


def test_login_page_in_place_of_the_file_does_not_damage_the_received_bytes(server, original, models):
    server.cuts = [200_000]
    assert download(REPO, cancelled=lambda: part_bytes(models) > 0) is None
    kept = part_bytes(models)
    server.cuts, server.pages = [], [b"<html>log in first</html>", b"chunked <html>log in first</html>"]
    server.sent.clear()
    assert same_model(download(REPO), original)  # a moment later it is the file again
    assert [entry.start for entry in server.sent if entry.file == WEIGHTS] == [kept]


def test_persistent_login_page_is_reported(server, original, models):
    server.cuts = [200_000]
    assert download(REPO, cancelled=lambda: part_bytes(models) > 0) is None
    kept = part_bytes(models)
    server.cuts, server.pages = [], [b"<html>log in first</html>"] * 20
    with pytest.raises(DownloadError, match="something else") as told:
        download(REPO)
    assert "log in" in told.value.remedy
    assert part_bytes(models) == kept
    server.pages.clear()
    assert same_model(download(REPO), original)


def test_other_model_of_the_same_name_does_not_replace_an_unfinished_download(server, original, models, tmp_path):
    assert download(REPO, cancelled=lambda: part_bytes(models) > 0) is None
    kept = part_bytes(models)
    other = f"other/{REPO.split('/')[1]}"
    server.add(other, original)
    with pytest.raises(DownloadError, match=REPO):
        download(other)
    assert part_bytes(models) == kept > 0
    assert same_model(download(other, to=tmp_path / "elsewhere"), original)
    assert part_bytes(models) == kept
    got = download(other, replace=True)
    assert same_model(got, original)
    assert read_checksums(got).source == other


def test_new_revision_does_not_continue_the_old_files(server, original, models, tmp_path, build):
    assert download(REPO, cancelled=lambda: part_bytes(models) > 0) is None
    assert part_bytes(models) > 0
    newer = build.folder(tmp_path / "newer", seed=7, d_model=96, ffn_width=384, n_heads=4)
    server.add(REPO, newer)
    assert same_model(download(REPO), newer)


def test_models_command_says_how_to_resume(server, models, cli):
    server.cuts = [0] * 20
    with pytest.raises(DownloadError):
        download(REPO, revision=server.repos[REPO].commit)
    assert f"`i3core download {REPO} --revision {server.repos[REPO].commit}`" in cli("models").out


def test_cancelling_keeps_the_received_bytes(server, original, models):
    server.bytes_per_second = 2_000_000
    assert download(REPO, cancelled=lambda: part_bytes(models) > 100_000) is None
    kept = part_bytes(models)
    assert 100_000 < kept < (original / WEIGHTS).stat().st_size
    server.bytes_per_second = None
    server.sent.clear()
    assert same_model(download(REPO), original)
    assert [entry.start for entry in server.sent] == [kept]


@pytest.mark.parametrize("name", [WEIGHTS, "tokenizer.json"])
def test_damaged_file_is_removed_and_downloaded_again(server, original, models, name):
    """Both kinds of checksum: SHA-256 of large files, git's SHA-1 of small ones."""
    server.corrupt = {name}
    with pytest.raises(DownloadError, match=f"{name}.*damaged") as damaged:
        download(REPO)
    assert "again" in damaged.value.remedy
    assert not list((models / "small.partial").glob(f"{name}*"))
    assert registry.downloaded() == {}
    server.corrupt = set()
    server.sent.clear()
    assert same_model(download(REPO), original)
    files = [entry.file for entry in server.sent]
    assert files[0] == name
    assert "config.json" not in files


def test_file_damaged_between_two_attempts_is_downloaded_again(server, original, models):
    assert download(REPO, cancelled=lambda: part_bytes(models) > 0) is None
    (models / "small.partial" / "config.json").write_text("{}")
    assert same_model(download(REPO), original)


def test_disk_without_room_is_reported_before_the_download(server, models):
    server.claimed_sizes[WEIGHTS] = 10**15
    with pytest.raises(DownloadError, match=r"not enough room.*1,000 TB are still to come") as full:
        download(REPO)
    assert "Free " in full.value.remedy
    assert server.bytes_sent(WEIGHTS) == 0


def test_disk_that_fills_up_keeps_the_received_bytes(server, process, models, original):
    done = process(200_000, "download", REPO, code=LIMITED_MAIN)
    done.fails("There is not enough room in ", "kB are still to come", "continues where it stopped")
    assert part_bytes(models) == 200_000
    server.sent.clear()
    assert same_model(download(REPO), original)
    assert [(entry.file, entry.start) for entry in server.sent] == [(WEIGHTS, 200_000)]


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGKILL], ids=["pause", "kill"])
def test_ended_process_leaves_a_resumable_download(server, start, models, original, way):
    server.bytes_per_second = 400_000
    child = start(REPO)
    wait_until(lambda: part_bytes(models) > 100_000)
    child.send_signal(way)
    out, err = child.communicate(timeout=20)
    assert child.returncode == -way
    assert err == ""
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines
    assert all(line["event"] == "progress" for line in lines)
    kept = part_bytes(models)
    assert 100_000 < kept < (original / WEIGHTS).stat().st_size
    assert [part.repo for part in registry.interrupted()] == [REPO]
    assert all("torch" not in headers["user-agent"] for _, _, headers in server.requests)
    server.bytes_per_second = None
    server.sent.clear()
    out, err = start(REPO).communicate(timeout=60)
    assert json.loads(out.splitlines()[-1]) == {"event": "done", "folder": str(models / "small"), "name": "small"}
    assert err == ""
    assert [(entry.file, entry.start) for entry in server.sent] == [(WEIGHTS, kept)]
    assert same_model(models / "small", original)
    assert registry.interrupted() == []


def test_progress_lines_are_limited_and_show_the_speed(server, start, models, tmp_path):
    """At most four lines a second, with a speed that is that of the server."""
    server.bytes_per_second = 800_000
    started = time.monotonic()
    child = start(REPO, "--to", tmp_path / "elsewhere")
    out, _ = child.communicate(timeout=60)
    seconds = time.monotonic() - started
    *lines, done = [json.loads(line) for line in out.splitlines()]
    assert done["folder"] == str(tmp_path / "elsewhere" / "small")
    assert not models.exists()
    assert 3 <= len(lines) <= 4 * seconds + 2
    assert set(lines[0]) == {"event", "file", "done_bytes", "total_bytes", "bytes_per_second", "seconds_left"}
    middle = lines[len(lines) // 2]
    assert 200_000 < middle["bytes_per_second"] < 1_600_000
    assert 0 < middle["seconds_left"] < 20
    assert lines[-1]["done_bytes"] == lines[-1]["total_bytes"]


def test_second_download_of_the_same_model_is_refused(server, start, models, original, monkeypatch):
    monkeypatch.setattr("i3core.hub.download.LOCK_WAIT_S", 0.1)
    server.bytes_per_second = 200_000
    first = start(REPO)
    wait_until(lambda: part_bytes(models) > 0)
    with pytest.raises(DownloadError, match="another program"):
        download(REPO)
    first.kill()
    first.communicate()
    server.bytes_per_second = None
    assert same_model(download(REPO), original)


def test_missing_model_or_revision_is_named(server, models):
    for arguments, words in (
        (("nobody/nothing",), "no public model nobody/nothing"),
        ((REPO, None, "v9"), "no revision 'v9'"),
    ):
        with pytest.raises(DownloadError, match=words):
            download(*arguments)
    assert registry.interrupted() == []
    assert list(models.iterdir()) == []


def test_named_revision_is_requested(server, models):
    commit = server.repos[REPO].commit
    download(REPO, revision=commit)
    assert server.requests[0][1].endswith(f"/revision/{commit}")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config.json": b'{"model_type": "gpt2"}'}, "gpt2"),
        ({"config.json": b'{"architectures": ["LlamaForCausalLM"]}'}, "LlamaForCausalLM"),
        ({"config.json": b"[]"}, "not a JSON object"),
        ({"config.json": b"{}"}, "names no sizes"),
        ({"config.json": b" " * 10_000_001}, "10,000,001 bytes"),
    ],
)
def test_other_kind_of_model_is_refused_before_its_weights(server, original, models, files, words):
    server.add("someone/other", original, files)
    with pytest.raises(CheckpointError, match=words):
        download("someone/other")
    assert server.bytes_sent(WEIGHTS) == 0
    assert list(models.iterdir()) == []


def test_repository_without_a_needed_file_is_refused(server, original, models):
    files = {path.name: path.read_bytes() for path in original.iterdir()}
    for missing, words in (
        (WEIGHTS, "no weights"),
        ("tokenizer.json", "no vocabulary"),
        ("config.json", "config.json"),
    ):
        server.add("someone/part", files={name: content for name, content in files.items() if name != missing})
        with pytest.raises(CheckpointError, match=words):
            download("someone/part")
    assert list(models.iterdir()) == []


@pytest.mark.parametrize("vocabulary", [b"{", b"[]", b'{"format": "i3 chunk tokenizer", "vocabulary": ["a"]}'])
def test_download_that_turns_out_unusable_leaves_nothing_behind(server, original, models, vocabulary):
    server.add("someone/damaged", original, {"tokenizer.json": vocabulary})
    with pytest.raises(CheckpointError, match="someone/damaged is not an i3 model"):
        download("someone/damaged")
    assert list(models.iterdir()) == []


def test_weights_of_another_network_are_refused(server, original, models):
    server.add("someone/fake", original, {WEIGHTS: to_bytes({"wte.weight": np.zeros((200, 200), np.float32)})})
    with pytest.raises(CheckpointError, match="someone/fake is not an i3 model"):
        download("someone/fake")
    assert list(models.iterdir()) == []


def test_pickle_is_downloaded_if_there_are_no_safetensors(server, build, tmp_path):
    public = build.folder(tmp_path / "public", layout="public")
    server.add("someone/public", public)
    folder = download("someone/public")
    assert (folder / "pytorch_model.bin").read_bytes() == (public / "pytorch_model.bin").read_bytes()
    assert load(folder, "cpu").parameters == load(public, "cpu").parameters


def test_busy_server_is_retried(server, original):
    server.statuses = [503, 429]
    assert same_model(download(REPO), original)


def test_server_that_stays_out_of_order_is_reported(server):
    server.statuses = [500] * 20
    with pytest.raises(DownloadError, match="status 500") as busy:
        download(REPO)
    assert "later" in busy.value.remedy


def test_no_network_is_reported(server, cli, monkeypatch):
    server.close()
    cli("download", REPO).fails("127.0.0.1", "cannot be reached", "network connection")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    cli("download", REPO).fails("HF_HUB_OFFLINE")


def test_login_page_in_place_of_the_hub_is_reported(server):
    server.login_page = b"<html>Welcome to our hotel</html>"
    with pytest.raises(DownloadError, match="does not answer as a hub"):
        download(REPO)


def test_unwritable_folder_is_named(server, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DownloadError, match="file"):
        download(REPO, tmp_path / "file")


def test_download_command(server, cli, models, original):
    outcome = cli("download", REPO)
    assert outcome.out == f"small is in {models / 'small'}\n"
    assert outcome.err == ""
    content = cli("verify", models / "small", "--json").json
    assert content["checksums"]
    assert (content["source"], content["files"]) == (REPO, 4)
    listed = cli("models", "--json").json
    assert {entry["name"]: entry["origin"] for entry in listed["models"]} == {
        "i3-mini": "bundled",
        "small": "downloaded",
    }
    (small,) = (entry for entry in listed["models"] if entry["name"] == "small")
    assert (small["source"], small["licence"], small["description"]) == (REPO, "apache-2.0", "A small model.")
    assert small["has_checksums"]
    cli("download", "nobody/nothing").fails("nobody/nothing")
    cli("download", "nonsense").fails("nonsense", "i3-80m")


def test_closed_progress_pipe_ends_the_download_silently(server, start):
    """As when the window is closed: no message, and the download can be resumed."""
    server.bytes_per_second = 400_000
    child = start(REPO)
    child.stdout.readline()
    child.stdout.close()
    child.wait(60)
    assert child.stderr.read() == ""
    assert [part.repo for part in registry.interrupted()] == [REPO]
