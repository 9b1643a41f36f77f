"""A GPU that cannot be used: found, named, with a remedy."""

import json
import sys

import pynvml
import pytest
import torch

from i3core.cli import main
from i3core.errors import DeviceError
from i3core.system import device, extras, gpu
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


def test_hidden_card_is_no_fault_of_the_driver(card, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = unusable_gpu()
    assert "CUDA_VISIBLE_DEVICES hides it" in found.reason
    assert "driver" not in found.remedy


@pytest.mark.parametrize(("capability", "index"), [((6, 1), "cu126"), ((7, 0), "cu126"), ((11, 0), "cu130")])
def test_card_without_kernels_leaves_the_cpu_and_names_a_build(pretended_cards, capability, index):
    pretended_cards(capability)
    choice = device.choose_device()
    assert choice.name == "cpu"
    assert f"compute capability {capability[0]}.{capability[1]}" in choice.describe()
    assert choice.unusable_gpu.command.endswith(f"/whl/{index}")
    with pytest.raises(DeviceError, match="nothing for its generation") as error:
        device.choose_device("cuda")
    assert index in error.value.remedy


def test_second_card_is_used_if_the_first_is_too_old(pretended_cards):
    pretended_cards((6, 1), (8, 6))
    choice = device.choose_device()
    assert (choice.name, choice.label) == ("cuda:1", "card 1")
    assert choice.precision == "bfloat16"
    assert "card 0 not used" in choice.describe()


def test_card_with_code_for_its_family_or_compiled_by_the_driver(pretended_cards):
    for capability in ((8, 9), (12, 1), (13, 0)):
        pretended_cards(capability)
        assert device.choose_device().name == "cuda:0"


def test_card_that_fails_at_its_first_product_leaves_the_cpu(pretended_cards, monkeypatch):
    def fail(index):
        raise RuntimeError("CUDA error: an illegal instruction was encountered\nand more")

    pretended_cards((8, 0))
    monkeypatch.setattr(gpu, "check_product", fail)
    choice = device.choose_device()
    assert choice.name == "cpu"
    assert "illegal instruction was encountered)" in choice.describe()


def test_install_hint_for_a_missing_extra(monkeypatch):
    assert 'pip install "i3desk[parquet]"' in extras.install_hint("parquet", "Convert it.")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    told = extras.install_hint("parquet", "Convert it.")
    assert "pip" not in told
    assert told.endswith("Convert it.")
