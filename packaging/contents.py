"""Modules and files that the packaged program excludes, with reasons. Used by i3desk.spec.

Patterns match paths in the program's `_internal` folder; `*` also matches slashes. `smoke.sh` shows that the rest is
enough to chat, train, convert, download and serve.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from elf import linked_with

# Modules that our code never reaches.
MODULES = [
    "IPython",
    "PIL",
    "readline",  # its library is under the GPL 3; the terminal chat reads lines without it
    "_gdbm",  # so is this one's
    "_dbm",
    "curses",
    "_curses",
    "PyInstaller",
    "hf_xet",
    "httpx.cli",
    "jinja2",
    "lib2to3",
    "markupsafe",
    "matplotlib",
    "networkx",
    "numpy.f2py",
    "pip",
    "pydoc_data",
    "pyqtgraph.examples",
    "pyqtgraph.opengl",
    "scipy",
    "setuptools",
    "tensorboard",
    "tkinter",
    "torch.utils.benchmark",
    "torch.utils.tensorboard",
    "torch.utils.cpp_extension",
    "wandb",
    "PySide6.QtOpenGL",
    "PySide6.QtOpenGLWidgets",
    "PySide6.QtTest",
    "torch._inductor.codegen",
    "torch._inductor.kernel",
    "torch._inductor.fx_passes",
]

# Only torch's compiler reads these sources, and the program never calls it. Their modules stay, because torch imports
# many of them with its first optimizer; so do the sources of settings, which torch reads itself.
UNREAD_SOURCES = [
    f"torch/{name}/*.py"
    for name in (
        "_dynamo",
        "_export",
        "_functorch",
        "_higher_order_ops",
        "_inductor",
        "_numpy",
        "_refs",
        "_vendor",
        "ao",
        "distributed/_shard",
        "distributed/_tools",
        "distributed/checkpoint",
        "distributed/elastic",
        "distributed/fsdp",
        "distributed/pipelining",
        "distributed/tensor",
        "export",
        "fx",
        "onnx",
        "sparse",
        "testing",
        "utils/hipify",
    )
]
READ_SOURCES = ["torch/*config*.py"]

LEFT_OUT = [
    # torch: its tests, their programs and libraries, its headers
    "torch/test/*",
    "torch/include/*",
    "torch/share/*",
    "torch/bin/*",
    "torch/lib/*_test.so",
    "torch/lib/libaoti_custom_ops.so",
    "torch/lib/libbackend_with_compiler.so",
    "*.pyi",
    # Qt: its translations into languages that the window lacks, and plugins for hardware and files that desktops lack
    "PySide6/Qt/translations/*",
    "PySide6/translations/*",
    "PySide6/Qt/plugins/egldeviceintegrations/*",
    "PySide6/Qt/plugins/generic/*",
    "PySide6/Qt/plugins/networkinformation/*",
    "PySide6/Qt/plugins/tls/*",
    "PySide6/Qt/plugins/platforms/libqeglfs*",
    "PySide6/Qt/plugins/platforms/libqlinuxfb*",
    "PySide6/Qt/plugins/platforms/libqminimal*",
    "PySide6/Qt/plugins/platforms/libqvnc*",
    "PySide6/Qt/plugins/platforms/libqvkkhrdisplay*",
    "PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboard*",
    "PySide6/Qt/plugins/platformthemes/libqgtk3*",
    "PySide6/Qt/plugins/xcbglintegrations/*",
    "PySide6/Qt/plugins/wayland-graphics-integration-client/*",
    "PySide6/Qt/plugins/imageformats/*",
    # provided by the target system, to fit its C library, fonts, display and desktop
    "libstdc++.so*",
    "libgcc_s.so*",
    "libfontconfig.so*",
    "libfreetype.so*",
    "libX11*.so*",
    "libdbus-1.so*",
    "libglib-2.0.so*",
    "libgthread-2.0.so*",
    # of Kerberos, which Qt's network library links but we never use; keyutils is under the GPL 2
    "libgssapi_krb5.so*",
    "libkrb5*.so*",
    "libk5crypto.so*",
    "libkeyutils.so*",
    "libcom_err.so*",
    # pictures of the README, records of installed packages
    "assets/screenshots/*",
    "*.dist-info/RECORD",
    "*.dist-info/licenses/*",
    "*.dist-info/INSTALLER",
]
KEPT = [
    "*/translations/qtbase_de.qm",
    "torch/bin/torch_shm_manager",
    "PySide6/Qt/plugins/imageformats/*svg*",
    "PySide6/Qt/plugins/imageformats/*ico*",
]

# numpy's libraries were patched after linking and break if stripped; NVIDIA's are already stripped.
UNSTRIPPED = ["numpy*", "*openblas*", "libgfortran*", "libquadmath*", "nvidia*", "libcu*", "libnv*", "libnccl*"]


def matches(path: str, patterns: list[str]) -> bool:
    """True if one of the patterns matches the path in the program."""
    path = PurePosixPath(path.replace("\\", "/")).as_posix()
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def is_wanted(path: str) -> bool:
    """True if the program includes this file of a package."""
    if matches(path, UNREAD_SOURCES):
        return matches(path, READ_SOURCES)
    return matches(path, KEPT) or not matches(path, LEFT_OUT)


def needed(binaries: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Keep the binaries that something included links with. Entries: (path, source, kind).

    A library at the top of the program or among Qt's is kept only if another binary needs it; all others are kept.
    """
    if not sys.platform.startswith("linux"):
        return binaries

    def is_dependency(path: str) -> bool:
        return ("/" not in path and not path.startswith("libpython")) or path.startswith("PySide6/Qt/lib/")

    by_name = {PurePosixPath(path).name: (path, source, kind) for path, source, kind in binaries if kind != "SYMLINK"}
    kept = {entry for entry in by_name.values() if not is_dependency(entry[0])}
    waiting = list(kept)
    while waiting:
        _, source, _ = waiting.pop()
        for name in linked_with(source):
            entry = by_name.get(name)
            if entry and entry not in kept:
                kept.add(entry)
                waiting.append(entry)
    names = {PurePosixPath(path).name for path, _, _ in kept}
    return [
        entry
        for entry in binaries
        if entry in kept or (entry[2] == "SYMLINK" and PurePosixPath(entry[1]).name in names)
    ]
