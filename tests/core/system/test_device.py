"""Choice of device and precision."""

import pytest
import torch

from i3core.errors import DeviceError
from i3core.system.device import (
    choose_device,
    memory_used_bytes,
    peak_memory_bytes,
    precision_warnings,
    training_precision,
)


def test_cpu_is_described():
    choice = choose_device("cpu")
    assert (choice.name, choice.precision, choice.is_cuda) == ("cpu", "float32", False)
    assert choice.describe() == f"CPU, {torch.get_num_threads()} thread, float32 (chosen by you)"
    assert choose_device("cpu", "bfloat16").precision == "bfloat16"
    assert ", int8 (" in choose_device("cpu", "int8").describe()


def test_auto_says_why(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    choice = choose_device()
    assert choice.name == "cpu"
    assert "no CUDA device found" in choice.describe()


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "meta", "", "cpu0", "cuda:-1"])
def test_unknown_devices(name):
    with pytest.raises(DeviceError):
        choose_device(name)


@pytest.mark.parametrize("precision", ["float64", "", "float16"])
def test_unknown_precisions(precision):
    with pytest.raises(DeviceError):
        choose_device("cpu", precision)


def test_int8_is_refused_on_a_gpu(pretended_cards):
    pretended_cards((8, 0))
    for device in ("auto", "cuda"):
        with pytest.raises(DeviceError, match="bfloat16"):
            choose_device(device, "int8")


def test_autocast_covers_matrix_products():
    weights = torch.ones(2, 2)
    with choose_device("cpu", "bfloat16").autocast():
        assert (weights @ weights).dtype == torch.bfloat16
    for precision in ("float32", "int8"):
        with choose_device("cpu", precision).autocast():
            assert (weights @ weights).dtype == torch.float32


def test_memory_readings():
    assert 10**7 < memory_used_bytes() <= 1.01 * peak_memory_bytes()


def test_narrow_models_train_in_float32_and_wide_ones_in_what_this_cpu_multiplies_faster():
    assert training_precision(64) == "float32"
    found = training_precision(384)
    assert found in ("float32", "bfloat16")
    assert training_precision(384) == found


@pytest.mark.parametrize(("speed", "slower"), [(1 / 20, "20 times slower"), (0.9, ""), (3.0, "")])
def test_bfloat16_chosen_on_a_cpu_that_emulates_it_is_told(
    monkeypatch: pytest.MonkeyPatch, speed: float, slower: str
) -> None:
    monkeypatch.setattr("i3core.system.device.bfloat16_speed", lambda width: speed)
    told = precision_warnings(choose_device("cpu", "bfloat16"), 384)
    assert [slower in text for text in told] == ([True] if slower else [])
    assert precision_warnings(choose_device("cpu", "float32"), 384) == ()
    assert (training_precision(384) == "bfloat16") == (speed > 1.2)
