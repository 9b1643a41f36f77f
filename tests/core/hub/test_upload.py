"""Uploads to a server on loopback that speaks the hub's protocol."""

import json
import logging
from urllib.parse import urlsplit

import pytest
from hub_server import HubServer
from huggingface_hub import _commit_api, close_session

from i3core.checkpoints import checkpoint
from i3core.cli.main import main
from i3core.errors import CheckpointError
from i3core.hf.export import sources
from i3core.hub.download import download
from i3core.hub.upload import PushError, plan_push, push
from i3core.net import auth
from i3core.training.config import TrainingConfig
from i3core.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the hub's own library
TOKEN = "hf_marker-that-nobody-may-see"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with HubServer() as server:
        server.users[TOKEN] = "me"
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        yield server
        close_session()  # whose connections the server would wait for


@pytest.fixture
def no_token(monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)


@pytest.fixture(scope="module")
def large(build, tmp_path_factory):
    """A model whose weights are large enough for LFS."""
    return build.folder(tmp_path_factory.mktemp("push") / "model", d_model=64)


def uploads(hub):
    return [path for method, path, _ in hub.requests if method == "PUT"]


def test_pushed_model_downloads_unchanged(hub, large, tmp_path):
    plan = plan_push(large, "me/talker", "apache-2.0")
    done = push(plan, private=True)
    assert done.url.endswith("/me/talker")
    assert hub.repos["me/talker"].private
    assert set(hub.repos["me/talker"].files) == {"README.md", "config.json", "model.safetensors", "tokenizer.json"}
    got = download("me/talker", tmp_path / "models")
    assert (got / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()
    assert checkpoint.load(got, "cpu").config == checkpoint.load(large, "cpu").config


def test_only_a_models_own_files_are_sent(hub, build, tmp_path):
    folder = build.folder(tmp_path / "model")
    for name in ("trainer.pt", ".secret", "notes.txt", "optimizer.bin", "pytorch_model.bin.bak"):
        (folder / name).write_text("mine")
    push(plan_push(folder, "me/model"))
    assert set(hub.repos["me/model"].files) == {"README.md", "config.json", "model.safetensors", "tokenizer.json"}


def test_converted_folder_is_pushed_with_its_code(hub, folder, tmp_path):
    assert main(["convert", str(folder), str(tmp_path / "out"), "--to", "transformers"]) == 0
    (tmp_path / "out" / "my_notebook.py").write_text("KEY = 'mine'\n")
    push(plan_push(tmp_path / "out", "me/model"))
    sent = set(hub.repos["me/model"].files)
    assert {name for name in sent if name.endswith(".py")} == set(sources())
    assert {"modeling_i3.py", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"} <= sent


def test_interrupted_push_is_resumed(hub, large, monkeypatch):
    """The weights arrived, the commit did not; then an upload breaks in the middle."""
    plan = plan_push(large, "me/talker")
    with monkeypatch.context() as patch:
        patch.setattr(_commit_api, "_send_commit", lambda **options: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            push(plan)
    assert len(uploads(hub)) == 1
    assert "model.safetensors" not in hub.repos["me/talker"].files
    push(plan)
    assert len(uploads(hub)) == 1
    assert "model.safetensors" in hub.repos["me/talker"].files


def test_broken_connection_is_reported_and_the_next_push_completes(hub, large, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library waits between its attempts
    hub.upload_cuts[:] = [1000] * 10
    with pytest.raises(PushError) as caught:
        push(plan_push(large, "me/talker"))
    assert "again" in caught.value.remedy
    hub.upload_cuts.clear()
    push(plan_push(large, "me/talker"))
    assert "model.safetensors" in hub.repos["me/talker"].files


def test_pushing_the_same_again_changes_nothing(hub, large):
    first = push(plan_push(large, "me/talker"))
    assert push(plan_push(large, "me/talker")).commit == first.commit
    assert len(uploads(hub)) == 1


def test_private_push_to_a_public_repository_is_refused(hub, large):
    push(plan_push(large, "me/talker"))
    before = hub.repos["me/talker"].commit
    with pytest.raises(PushError, match="and public"):
        push(plan_push(large, "me/talker", "mit"), private=True)
    assert hub.repos["me/talker"].commit == before


@pytest.mark.parametrize(
    ("licence", "lines"),
    [
        ("Apache-2.0", "license: apache-2.0\n"),
        ("My Own: see LICENSE", "license: other\nlicense_name: my-own-see-license\n"),
    ],
)
def test_licence_is_mapped_to_a_name_of_the_hub(folder, licence, lines):
    card = plan_push(folder, "me/model", licence).card
    assert lines in card
    assert f"## Licence\n\n{licence}" in card


def test_card_that_the_hub_rejects_is_reported(hub, folder):
    hub.card_errors.append('"license" must be one of [apache-2.0, mit]')
    with pytest.raises(PushError, match="must be one of") as told:
        push(plan_push(folder, "me/model", "mine"))
    assert "--license" in told.value.remedy


def test_file_that_does_not_arrive_is_reported(hub, large):
    hub.lost.add("tokenizer.json")
    with pytest.raises(PushError, match=r"tokenizer\.json"):
        push(plan_push(large, "me/talker"))


@pytest.mark.parametrize(
    ("prepare", "repo", "told"),
    [
        (lambda hub: None, "other/model", "does not let you write"),
        (lambda hub: hub.users.clear(), "me/model", "does not know this access token"),
        (lambda hub: hub.statuses.extend([503] * 20), "me/model", "busy or out of order"),
        (lambda hub: None, "model", "OWNER/NAME"),
        (lambda hub: None, "me/model/x", "OWNER/NAME"),
        (lambda hub: None, "me/mo del", "not a name"),
    ],
)
def test_refusals_of_the_hub_are_explained(hub, folder, prepare, repo, told, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    prepare(hub)
    with pytest.raises(PushError) as caught:
        push(plan_push(folder, repo))
    assert told in str(caught.value)


def test_no_network_is_reported(hub, folder, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PushError, match="cannot be reached"):
        push(plan_push(folder, "me/model"))


def test_push_without_a_token_sends_nothing(hub, folder, no_token):
    with pytest.raises(PushError) as caught:
        push(plan_push(folder, "me/model"))
    assert "hub-login" in caught.value.remedy
    assert not hub.requests


def test_folder_that_is_not_a_model_is_not_sent(hub, build, folder, tmp_path):
    with pytest.raises(CheckpointError, match="pickle"):
        plan_push(build.folder(tmp_path / "public", "public"), "me/model")
    (folder / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(CheckpointError):
        plan_push(folder, "me/model")
    with pytest.raises(CheckpointError):
        plan_push(tmp_path / "nothing", "me/model")
    assert not hub.requests


# ---------------------------------------------------------------------------------------------------------------- card


def test_card_of_a_run_names_its_training_data(hub, training_material, tmp_path, capsys):
    out = str(tmp_path / "run")
    settings = TrainingConfig(
        data=(str(training_material / "chat.jsonl"),), out=out, preset="tiny", device="cpu", steps=2, batch_size=2,
        tokenizer=str(training_material / "vocab.json"), eval_every=1, sample_prompts=(), val_share=0.1,
    )  # fmt: skip
    assert list(train(settings))
    assert main(["push", out, "me/model", "--dry-run", "--license", "MIT"]) == 0
    card = capsys.readouterr().out
    assert card.startswith("---\nlicense: mit\n")
    assert "- chat.jsonl" in card
    assert "validation perplexity" in card
    assert 'from_pretrained("me/model")' in card
    assert "https://github.com/FlameF0X/open-i3" in card
    assert "/tmp" not in card
    assert not hub.requests


def test_existing_card_is_kept(hub, folder):
    (folder / "README.md").write_text("# Mine\n\nIt talks.\n")
    plan = plan_push(folder, "me/model", "mit")
    assert plan.card.startswith("---\nlicense: mit\n")
    assert plan.card.endswith("---\n\n# Mine\n\nIt talks.\n")
    (folder / "README.md").write_text("---\nlicense: bsd\n---\n# Mine\n")
    assert plan_push(folder, "me/model").card == "---\nlicense: bsd\n---\n# Mine\n"


def test_command_prints_the_address(hub, folder, capsys):
    assert main(["push", str(folder), "me/model", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["commit"] == hub.repos["me/model"].commit
    assert told["files"]["model.safetensors"] == (folder / "model.safetensors").stat().st_size


# --------------------------------------------------------------------------------------------------------------- token


class Keyring:
    """The system's keyring, in memory."""

    def __init__(self):
        self.kept = {}

    def get_password(self, service, user):
        return self.kept.get((service, user))

    def set_password(self, service, user, token):
        self.kept[service, user] = token

    def delete_password(self, service, user):
        del self.kept[service, user]


@pytest.fixture
def keyring(monkeypatch):
    kept = Keyring()
    monkeypatch.setattr(auth, "_keyring", lambda: kept)
    return kept


def test_token_in_the_keyring_pushes_and_downloads(hub, folder, no_token, keyring, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.stdin", open_text(TOKEN + "\n"))
    assert main(["hub-login"]) == 0
    assert "Logged in as me" in capsys.readouterr().out
    assert main(["push", str(folder), "me/model"]) == 0
    hub.repos["me/model"].gated = True
    assert main(["download", "me/model", "--to", str(tmp_path / "models")]) == 0
    capsys.readouterr()
    assert main(["hub-login", "--logout"]) == 0
    assert not keyring.kept
    assert main(["push", str(folder), "me/model"]) == 1
    assert "hub-login" in capsys.readouterr().err


def open_text(text):
    import io

    return io.StringIO(text)


def test_unknown_token_is_not_stored(hub, keyring, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", open_text("hf_wrong\n"))
    assert main(["hub-login"]) == 1
    assert "does not know this token" in capsys.readouterr().err
    assert not keyring.kept


def test_login_without_a_network_fails_in_one_line(hub, keyring, monkeypatch, capsys):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nothing listens
    monkeypatch.setattr("sys.stdin", open_text(TOKEN + "\n"))
    assert main(["hub-login"]) == 1
    told = capsys.readouterr().err
    assert "cannot be reached" in told
    assert len(told.splitlines()) == 1
    assert TOKEN not in told
    assert not keyring.kept


@pytest.mark.parametrize("token", ["hf_MARK\x0bMARK", "hf_MARK\nMARK", "\u201chf_MARK\u201d", "hf_MARK MARK"])
def test_invalid_token_is_never_shown(hub, keyring, folder, no_token, token, monkeypatch, capsys, tmp_path):
    keyring.set_password(auth.SERVICE, urlsplit(hub.url).netloc, token)
    out = tmp_path / "run"
    commands = (
        ["download", "me/model", "--to", str(tmp_path / "models")], ["push", str(folder), "me/model"],
        ["train", "--model", str(folder), "--data", "hub:me/data", "--out", str(out), "--device", "cpu"],
    )  # fmt: skip
    for command in commands:
        assert main(command) == 1
        told = capsys.readouterr()
        assert "access token has an invalid character" in told.err
        assert "MARK" not in told.out + told.err
    assert not hub.requests
    assert not any(b"MARK" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    monkeypatch.setattr("sys.stdin", open_text(token))
    assert main(["hub-login"]) == 1
    assert "MARK" not in capsys.readouterr().err


def test_blanks_around_a_token_are_stripped(hub, folder, no_token, keyring, capsys):
    keyring.set_password(auth.SERVICE, urlsplit(hub.url).netloc, f" {TOKEN}\n")
    assert main(["push", str(folder), "me/model"]) == 0


def test_token_goes_to_the_hub_only_and_is_never_shown(hub, large, tmp_path, monkeypatch, capfd, caplog):
    """Not to the host of large files, and not in output, even on failure and with all logging on."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    caplog.set_level(logging.DEBUG)
    assert main(["push", str(large), "me/talker"]) == 0
    assert main(["download", "me/talker", "--to", str(tmp_path / "models"), "--json"]) == 0
    asked = [(path, headers) for _, path, headers in hub.requests]
    assert any(path.startswith("/cdn-upload") for path, _ in asked)
    assert all("authorization" not in headers for path, headers in asked if path.startswith("/cdn-upload"))
    assert any(TOKEN in headers.get("authorization", "") for _, headers in asked)
    hub.statuses.extend([500] * 30)
    assert main(["push", str(large), "me/talker"]) == 1
    hub.statuses[:] = [401]
    assert main(["push", str(large), "me/talker"]) == 1
    said = capfd.readouterr()
    assert TOKEN not in said.out + said.err + caplog.text
