"""The parts of the packaged program's build other than PyInstaller: exclusions, icons, licences, metadata."""

from __future__ import annotations

import ctypes
import gzip
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from paths import REPOSITORY

import i3core
from i3core.cli.main import build_parser
from i3desk.help.licences import installed

sys.path.insert(0, str(REPOSITORY / "packaging"))

import collect_licences
import contents
import debian
import elf
import icu_data
import manual_pages
import share

SERVE_WITHOUT_EXCLUDED = """
import sys
class Excluded:
    def find_spec(self, name, path=None, target=None):
        if any(name == excluded or name.startswith(excluded + ".") for excluded in {modules!r}):
            raise ModuleNotFoundError(f"{{name}} is excluded from the program", name=name)
sys.meta_path.insert(0, Excluded())
from i3core.cli.main import main
sys.exit(main(["serve", "--port", "0", "--json", "--until-stdin-closes"]))
"""


def test_server_answers_without_the_excluded_modules() -> None:
    code = SERVE_WITHOUT_EXCLUDED.format(modules=contents.MODULES)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, text=True, **pipes) as server:
        try:
            ready = json.loads(server.stdout.readline() or "{}")
            assert ready.get("event") == "ready", server.communicate()
            with urlopen(f"{ready['url']}/models", timeout=60) as answer:
                assert json.load(answer)["data"][0]["id"] == "i3-mini"
            body = json.dumps({"prompt": "the sea is", "max_tokens": 4, "seed": 1}).encode()
            with urlopen(
                Request(f"{ready['url']}/completions", body, {"Content-Type": "application/json"}), timeout=60
            ) as answer:
                assert json.load(answer)["usage"]["completion_tokens"] >= 1
            server.stdin.close()
            assert server.wait(60) == 0
        finally:
            server.kill()


def test_every_included_package_has_a_pinned_version_and_a_licence() -> None:
    lines = (REPOSITORY / "packaging" / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    packages = collect_licences.inside(installed(extras=collect_licences.EXTRAS))
    inside = {canonicalize_name(each.name) for each in packages}
    assert {"fastapi", "uvicorn", "starlette", "pydantic", "pydantic-core", "click"} <= inside
    assert inside - pinned == {"i3desk", "torch"}  # which setup.sh names
    assert collect_licences.EXTRAS == ("server", "documents")
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "i3desk[server,documents]" in extras["package"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("torch/lib/libtorch_cpu.so", True),
        ("torch/bin/torch_shm_manager", True),
        ("torch/bin/protoc", False),
        ("torch/lib/libtorchbind_test.so", False),
        ("torch/test/test_jit.py", False),
        ("torch/optim/optimizer.py", True),
        ("torch/_inductor/ir.py", False),
        ("torch/_inductor/config.py", True),
        ("torch/testing/_internal/common_utils.py", False),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6\\Qt\\plugins\\platforms\\qwindows.dll", True),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", False),
        ("PySide6/Qt/plugins/imageformats/libqsvg.so", True),
        ("PySide6/Qt/plugins/imageformats/libqtiff.so", False),
        ("libstdc++.so.6", False),
        ("libxkbcommon.so.0", True),
        ("assets/models/i3-mini/model.safetensors", True),
        ("assets/screenshots/chat-light.png", False),
        ("httpx2-2.0.dist-info/METADATA", True),
        ("httpx2-2.0.dist-info/RECORD", False),
    ],
)
def test_path_is_included_or_excluded(path: str, wanted: bool) -> None:
    assert contents.is_wanted(path) is wanted


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("objdump"), reason="needs binutils")
def test_library_that_nothing_links_is_excluded() -> None:
    import torch

    torch_lib = Path(torch.__file__).parent / "lib"
    entries = [
        ("torch/lib/libtorch_python.so", str(torch_lib / "libtorch_python.so"), "BINARY"),
        ("libtorch_cpu.so", str(torch_lib / "libtorch_cpu.so"), "BINARY"),
        ("libc10.so", str(torch_lib / "libc10.so"), "BINARY"),
        ("libshm.so", "torch/lib/libshm.so", "SYMLINK"),
        ("libunasked.so", str(torch_lib / "libtorch_global_deps.so"), "BINARY"),
    ]
    kept = [path for path, _, _ in contents.needed(entries)]
    assert kept == ["torch/lib/libtorch_python.so", "libtorch_cpu.so", "libc10.so"]


@pytest.mark.skipif(not shutil.which("as") or not shutil.which("objdump"), reason="needs binutils")
def test_library_keeps_no_build_path_and_still_loads(tmp_path: Path) -> None:
    (tmp_path / "a.s").write_text('.section .note.GNU-stack,"",@progbits\n.data\n.globl sea\nsea: .long 7\n')
    subprocess.run(["as", "-o", "a.o", "a.s"], cwd=tmp_path, check=True)
    subprocess.run(["ld", "-shared", "-rpath", "/home/builder/lib", "-o", "a.so", "a.o"], cwd=tmp_path, check=True)
    before = (tmp_path / "a.so").stat().st_size
    elf.remove_build_paths(tmp_path / "a.so")
    assert "$ORIGIN" in elf.described(tmp_path / "a.so")
    assert b"/home/builder" not in (tmp_path / "a.so").read_bytes()
    assert (tmp_path / "a.so").stat().st_size == before
    if platform.machine() == "x86_64":
        assert ctypes.c_int.in_dll(ctypes.CDLL(str(tmp_path / "a.so")), "sea").value == 7


# ------------------------------------------------------------------------------------------------------- ICU's data


def common_data(items: dict[str, bytes]) -> bytes:
    """Build ICU's common data as its documentation describes it."""
    header = struct.pack("<HBB", 32, 0xDA, 0x27) + bytes(8) + b"CmnD\x01\0\0\0" + bytes(12)
    names = {name: name.encode() + b"\0" for name in sorted(items)}
    place = 4 + 8 * len(names)
    table, packed, body, begins = b"", b"", b"", {}
    for name in names:
        begins[name] = len(body)
        body += items[name]
    start = place + sum(map(len, names.values()))
    for name, text in names.items():
        table += struct.pack("<II", place + len(packed), start + begins[name])
        packed += text
    return header + struct.pack("<I", len(names)) + table + packed + body


def items_of(data: bytes) -> dict[str, bytes]:
    """Read ICU's common data back: name -> bytes."""
    table = data[struct.unpack_from("<H", data)[0] :]
    count = struct.unpack_from("<I", table)[0]
    places = [struct.unpack_from("<II", table, 4 + 8 * number) for number in range(count)]
    ends = ([begin for _, begin in places[1:]] + [len(table)])[:count]
    return {
        table[name : table.index(b"\0", name)].decode(): table[begin:end]
        for (name, begin), end in zip(places, ends, strict=True)
    }


KEPT = ["icudt73l/root.res", "icudt73l/en_GB.res", "icudt73l/coll/de.res", "icudt73l/pool.res", "icudt73l/uprops.icu"]
DROPPED = ["icudt73l/de.res", "icudt73l/lang/de_AT.res", "icudt73l/unit/fil.res", "icudt73l/brkitr/thaidict.dict"]


@given(st.dictionaries(st.sampled_from(KEPT + DROPPED), st.binary(max_size=50), min_size=1))
def test_trimmed_icu_data_keeps_selected_items_in_order(items: dict[str, bytes]) -> None:
    trimmed = items_of(icu_data.trimmed(common_data(items)))
    assert list(trimmed) == sorted(set(items) & set(KEPT))
    for name, content in trimmed.items():
        assert content.rstrip(b"\0") == items[name].rstrip(b"\0")
        assert len(content) % 16 == 0


def test_data_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="not ICU"):
        icu_data.trimmed(bytes(64))


# ------------------------------------------------------------------------------------------ files that desktops expect


@pytest.fixture(scope="module")
def icons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("icons")
    subprocess.run([sys.executable, REPOSITORY / "packaging" / "icons.py", folder], check=True, timeout=60)
    return folder


def test_icons_have_their_sizes(icons: Path) -> None:
    for size in (16, 24, 32, 48, 64, 128, 256, 512):
        data = (icons / f"{size}.png").read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", data[16:24]) == (size, size)
    assert (icons / "i3desk.ico").read_bytes()[:4] == b"\0\0\1\0"
    apple = (icons / "i3desk.icns").read_bytes()
    assert apple[:4] == b"icns"
    assert struct.unpack(">I", apple[4:8])[0] == len(apple)


@pytest.fixture(scope="module")
def share_folder(icons: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root") / "share"
    share.lay_out_share(folder, icons)
    return folder


def test_menu_entry_and_metadata_are_valid(share_folder: Path) -> None:
    checked = 0
    for tool, *options in (["desktop-file-validate"], ["appstreamcli", "validate", "--no-net"]):
        if not shutil.which(tool):
            continue
        name = (
            "applications/i3desk.desktop"
            if tool.startswith("desktop")
            else "metainfo/io.github.i3desk.i3desk.metainfo.xml"
        )
        done = subprocess.run([tool, *options, share_folder / name], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        checked += 1
    if not checked:
        pytest.skip("neither desktop-file-validate nor appstreamcli is installed")


def test_version_is_equal_in_code_changelog_and_metadata(share_folder: Path) -> None:
    version, date, changes = share.releases()[0]
    assert version == i3core.__version__
    assert changes
    metadata = (share_folder / "metainfo" / "io.github.i3desk.i3desk.metainfo.xml").read_text()
    assert f'<release version="{version}" date="{date}">' in metadata
    assert share.changelog().startswith(f"i3desk ({version}) ")


def test_manual_lists_every_command_and_option(share_folder: Path) -> None:
    page = gzip.decompress((share_folder / "man" / "man1" / "i3core.1.gz").read_bytes()).decode().replace("\\-", "-")
    for command, (_, parser) in manual_pages.commands_of(build_parser()).items():
        assert f".SS i3core {command}" in page
        for action in parser._actions:
            for option in action.option_strings:
                assert option in page
    if shutil.which("man"):
        command = ["man", "--warnings", "-l", share_folder / "man" / "man1" / "i3core.1.gz"]
        environment = {"MANWIDTH": "80", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        checked = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert checked.returncode == 0
        assert not checked.stderr.strip()


def test_copyright_file_lists_the_included_packages(tmp_path: Path) -> None:
    assets = tmp_path / "_internal" / "assets"
    assets.mkdir(parents=True)
    parts = [
        {"name": name, "version": "1", "licence": "MIT", "home": "", "text": f"text of {name}"}
        for name in ("i3desk", "torch")
    ]
    (assets / "licences.json").write_text(json.dumps(parts))
    assert " torch 1: MIT\n" in debian.copyright_file(tmp_path)
    assert "text of torch" in debian.licence_texts(tmp_path)


# ------------------------------------------------------------------------------------------------------ its start


def test_program_named_i3core_runs_the_command_line(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "packaging" / "start.py", tmp_path / "i3core")
    command = [sys.executable, tmp_path / "i3core", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("i3core "), done.stderr


def test_opened_programs_get_the_original_library_path(monkeypatch: pytest.MonkeyPatch) -> None:
    import start

    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/lib/i3desk/_internal")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/opt/lib")
    start.restore_library_path()
    assert os.environ["LD_LIBRARY_PATH"] == "/opt/lib"
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    start.restore_library_path()
    assert "LD_LIBRARY_PATH" not in os.environ
