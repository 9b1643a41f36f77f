"""Readings of the machine, with NVML replaced at its functions and control groups as real files."""

import os
import time
import types
from pathlib import Path

import psutil
import pynvml
import pytest
import torch

from i3core.system import memory
from i3core.system.device import DeviceChoice
from i3core.system.memory import available_memory_bytes, total_memory_bytes
from i3core.training import system_metrics
from i3core.training.system_metrics import SystemMetrics

CPU = DeviceChoice("cpu", "CPU", "float32", 1, "")
CARD = DeviceChoice("cuda:0", "Card", "bfloat16", 1, "")
UUID = "0f3f1d2e-aaaa-bbbb-cccc-123456789abc"


def test_cpu_has_two_metrics():
    reader = SystemMetrics(CPU)
    numbers = reader.read()
    assert set(numbers) == {"rss_bytes", "cpu_percent"}
    assert numbers["rss_bytes"] == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    reader.close()


def test_cpu_load_covers_the_time_since_the_last_reading(monkeypatch):
    monkeypatch.setattr(system_metrics, "REFRESH_S", 0.3)
    reader = SystemMetrics(CPU)
    assert reader.read()["cpu_percent"] is None  # too early to tell
    end = time.perf_counter() + 0.35
    while time.perf_counter() < end:
        pass
    load = reader.read()["cpu_percent"]
    assert 0.5 * 100 / psutil.cpu_count() < load <= 100  # one core was busy
    assert reader.read()["cpu_percent"] == load  # repeated until there is something to tell


def test_reading_is_cheap():
    reader = SystemMetrics(CPU)
    start = time.perf_counter()
    for _ in range(200):
        reader.read()
    assert (time.perf_counter() - start) / 200 < 1e-3


@pytest.fixture
def nvml(monkeypatch):
    """NVML with one card. Its functions may be replaced by tests; `calls` counts readings of power."""
    handle = object()
    found = types.SimpleNamespace(handle=handle, calls=0, asked=[], closed=False, pid=os.getpid(), used=2**30)

    def by_uuid(uuid):
        found.asked.append(uuid)
        if uuid != f"GPU-{UUID}":
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return handle

    def power(asked):
        assert asked is handle
        found.calls += 1
        return 123_456

    def processes(asked):
        return [
            types.SimpleNamespace(pid=1, usedGpuMemory=7),
            types.SimpleNamespace(pid=found.pid, usedGpuMemory=found.used),
        ]

    replace = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: setattr(found, "closed", True),
        "nvmlDeviceGetHandleByUUID": by_uuid,
        "nvmlDeviceGetPowerUsage": power,
        "nvmlDeviceGetMemoryInfo": lambda asked: types.SimpleNamespace(total=80 * 2**30, free=0, used=0),
        "nvmlDeviceGetUtilizationRates": lambda asked: types.SimpleNamespace(gpu=73, memory=12),
        "nvmlDeviceGetComputeRunningProcesses": processes,
    }
    for name, function in replace.items():
        assert hasattr(pynvml, name)
        monkeypatch.setattr(pynvml, name, function)
    properties = types.SimpleNamespace(uuid=UUID, total_memory=79 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda index: 2**29)
    return found


def card_numbers(reader):
    return {key: value for key, value in reader.read().items() if key.startswith("gpu_")}


def test_gpu_is_found_by_its_uuid_and_read_once_a_second(nvml, monkeypatch):
    reader = SystemMetrics(CARD)
    expected = {
        "gpu_memory_bytes": 2**30,
        "gpu_memory_total_bytes": 80 * 2**30,
        "gpu_utilization_percent": 73,
        "gpu_power_w": 123.456,
    }
    assert nvml.asked[0] == f"GPU-{UUID}"
    for _ in range(50):
        assert card_numbers(reader) == expected
    assert nvml.calls == 1
    monkeypatch.setattr(system_metrics, "REFRESH_S", 0.0)
    reader = SystemMetrics(CARD)
    reader.read()
    reader.read()
    assert nvml.calls == 4
    reader.close()
    assert nvml.closed
    assert card_numbers(reader)["gpu_power_w"] is None
    reader.close()


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_NO_PERMISSION])
@pytest.mark.parametrize("function", ["PowerUsage", "MemoryInfo", "UtilizationRates", "ComputeRunningProcesses"])
def test_metrics_that_nvml_lacks_are_none_or_from_torch(nvml, monkeypatch, function, code):
    def refuse(handle):
        raise pynvml.NVMLError(code)

    monkeypatch.setattr(pynvml, f"nvmlDeviceGet{function}", refuse)
    numbers = card_numbers(SystemMetrics(CARD))
    assert (numbers["gpu_power_w"] is None) == (function == "PowerUsage")
    assert (numbers["gpu_utilization_percent"] is None) == (function == "UtilizationRates")
    assert numbers["gpu_memory_total_bytes"] == (79 if function == "MemoryInfo" else 80) * 2**30
    assert numbers["gpu_memory_bytes"] == (2**29 if function == "ComputeRunningProcesses" else 2**30)


@pytest.mark.parametrize(("pid", "used"), [(0, 2**30), (None, None), (None, 2**20)])
def test_gpu_memory_in_a_container_comes_from_torch(nvml, pid, used):
    """Process numbers are the host's there, memory may be missing, and an equal number may be someone else's."""
    nvml.pid, nvml.used = os.getpid() if pid is None else pid, used
    assert card_numbers(SystemMetrics(CARD))["gpu_memory_bytes"] == 2**29


@pytest.mark.parametrize("lacking", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
def test_gpu_memory_without_nvml_comes_from_torch(nvml, monkeypatch, lacking):
    def refuse(*arguments):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, lacking, refuse)
    reader = SystemMetrics(CARD)
    assert card_numbers(reader) == {
        "gpu_memory_bytes": 2**29,
        "gpu_memory_total_bytes": 79 * 2**30,
        "gpu_utilization_percent": None,
        "gpu_power_w": None,
    }
    reader.close()


def test_missing_gpu_does_not_raise():
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    reader = SystemMetrics(CARD)
    assert card_numbers(reader)["gpu_power_w"] is None
    reader.close()


def group(folder: Path, version: int, limit: str, used: int, inactive: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {inactive}\nfile 9\n")


@pytest.fixture
def cgroups(monkeypatch, tmp_path):
    """An empty tree of control groups; `join(text)` says which of them this process is in."""
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "membership")
    return types.SimpleNamespace(root=tmp_path / "cgroup", join=(tmp_path / "membership").write_text)


def test_memory_without_cgroups_is_the_machines(cgroups):
    assert available_memory_bytes() == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    assert total_memory_bytes() == psutil.virtual_memory().total


def test_cgroup_v2_limits_memory(cgroups):
    cgroups.join("0::/box/inner\n")
    group(cgroups.root / "box" / "inner", 2, "max", 90_000_000, 0)
    group(cgroups.root / "box", 2, "100000000", 90_000_000, 30_000_000)
    assert available_memory_bytes() == 40_000_000
    assert total_memory_bytes() == 100_000_000
    group(cgroups.root / "box" / "inner", 2, "70000000", 65_000_000, 0)  # a tighter one inside
    assert available_memory_bytes() == 5_000_000


def test_cgroup_v1_limits_memory(cgroups):
    cgroups.join("5:cpu,cpuacct:/\n4:memory:/docker/abc\n1:name=systemd:/\n")
    group(cgroups.root / "memory", 1, "9223372036854771712", 500, 0)
    group(cgroups.root / "memory" / "docker" / "abc", 1, "50000000", 60_000_000, 1)
    assert available_memory_bytes() == 0
    assert total_memory_bytes() == 50_000_000


def test_cgroup_path_of_the_host_falls_back_to_the_root(cgroups):
    cgroups.join("0::/system.slice/docker-abc.scope\n")
    group(cgroups.root, 2, "200000000", 50_000_000, 0)
    assert available_memory_bytes() == 150_000_000
