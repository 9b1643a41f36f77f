"""A GPU that cannot be used: found, named, with a remedy."""

import json
import sys

import pynvml
import pytest
import torch

from i3core.cli import main
from i3core.system import device, extras
from i3core.system.gpu import unusable_gpu

NAME = "NVIDIA GeForce RTX 4070"


@pytest.fixture
def card(monkeypatch):
    """A driver with one GPU that torch cannot use."""
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 1)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda handle: NAME)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)


def test_torch_without_cuda(card):
    found = unusable_gpu()
    assert found.name == NAME
    assert "no CUDA" in found.reason
    assert found.command.startswith(f'"{sys.executable}" -m pip install')
    choice = device.choose_device()
    assert choice.name == "cpu"
    assert f"{NAME} not used: this torch has no CUDA" in choice.describe()
    assert choice.unusable_gpu == found
    assert device.choose_device("cpu").unusable_gpu is None  # whoever chose the processor knows why


def test_packaged_program_names_its_cuda_edition(card, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    found = unusable_gpu()
    assert "edition" in found.remedy
    assert found.command == "sh packaging/build.sh --cuda"
    assert "pip" not in found.command


def test_old_driver_is_explained(card, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    found = unusable_gpu()
    assert "12.8" in found.reason
    assert "driver" in found.remedy
    assert found.command == ""


def test_name_in_bytes_is_decoded(card, monkeypatch):
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda handle: NAME.encode())
    assert unusable_gpu().name == NAME


def test_info_command_shows_the_unusable_gpu(card, capsys):
    assert main(["info"]) == 0
    assert "--force-reinstall torch" in capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unused_card"]["name"] == NAME


def test_nothing_is_shown_without_a_gpu(monkeypatch, capsys):
    def fail():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert unusable_gpu() is None
    assert main(["info", "--json"]) == 0
    assert "unused_card" not in json.loads(capsys.readouterr().out)


def test_nothing_is_shown_if_cuda_works(card, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert unusable_gpu() is None


def test_broken_driver_is_not_an_error(card, monkeypatch):
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda handle: 1 / 0)
    assert unusable_gpu() is None


def test_install_hint_for_a_missing_extra(monkeypatch):
    assert 'pip install "i3desk[parquet]"' in extras.install_hint("parquet", "Convert it.")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    told = extras.install_hint("parquet", "Convert it.")
    assert "pip" not in told
    assert told.endswith("Convert it.")
