"""Collects the licences of everything inside a built program.

    python packaging/collect_licences.py PROGRAM_FOLDER [SOURCES] [--allow-outdated]

Those of Python packages are in their metadata, those of Debian's libraries in /usr/share/doc. The result is
`assets/licences.json` in the program, which the window shows. SOURCES, written by i3desk.spec, says where each binary
came from. On Debian, libraries older than what apt offers are refused: the program must have the newest security fixes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from contents import MODULES

from i3desk.help.licences import Licence, installed, to_json

EXTRAS = ("server", "documents")  # included in the program, as in the extra `package`
COMMON = Path("/usr/share/common-licenses")
QT = {"PySide6_Essentials", "shiboken6"}
QT_NOTE = (
    "Used as shared libraries, which you may replace by your own build of the same version. What Qt itself is made of, "
    "and its licences: https://doc.qt.io/qt-6/licenses-used-in-qt.html"
)


def inside(licences: list[Licence]) -> list[Licence]:
    """Licences of included packages; Qt's get the texts that its wheels lack."""
    kept = [each for each in licences if each.name.lower().replace("-", "_") not in {*map(str.lower, MODULES)}]
    texts = [path.read_text("utf-8") for path in (COMMON / "LGPL-3", COMMON / "GPL-3") if path.is_file()]
    text = "\n\n".join([QT_NOTE, *texts])
    return [replace(each, text=text) if each.name in QT else each for each in kept]


def icu() -> Licence:
    """Licence of Unicode's library, a part of Qt's package."""
    text = next((_copyright_of(path.name) for path in sorted(Path("/usr/share/doc").glob("libicu[0-9]*"))), "")
    page = "https://github.com/unicode-org/icu/blob/main/LICENSE"
    return Licence("ICU", "73", "Unicode-3.0", page, text or f"The text is at {page}")


def python() -> Licence:
    """Licence of Python itself."""
    candidates = [Path(sysconfig.get_path("stdlib")) / "LICENSE.txt", Path(sys.base_prefix) / "LICENSE.txt"]
    text = next((path.read_text("utf-8") for path in candidates if path.is_file()), None)
    return Licence(
        "Python",
        platform.python_version(),
        "PSF-2.0",
        "https://www.python.org",
        text or _copyright_of("libpython3-stdlib"),
    )


@cache
def _copyright_of(package: str) -> str:
    path = Path("/usr/share/doc") / package.partition(":")[0] / "copyright"
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def debian_packages(sources: Iterable[str]) -> dict[str, str]:
    """Debian package -> version, for those of the files that belong to one."""
    found = {}
    for source in sorted(set(sources)):
        for path in (source, source.replace("/usr/lib/", "/lib/", 1)):  # dpkg may know it by either name
            owner = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True).stdout
            packages = [line.partition(": ")[0] for line in owner.splitlines() if not line.startswith("diversion")]
            if packages:
                package = packages[0].split(", ")[0]
                asked = ["dpkg-query", "-W", "-f", "${Version}", package]
                found[package.partition(":")[0]] = subprocess.run(asked, capture_output=True, text=True).stdout
                break
    return found


def outdated(packages: dict[str, str]) -> dict[str, str]:
    """Debian package -> the newer version that apt offers."""
    if not packages:
        return {}
    environment = {**os.environ, "LC_ALL": "C"}
    asked = ["apt-cache", "policy", *packages]
    said = subprocess.run(asked, capture_output=True, text=True, env=environment, check=True).stdout
    offered = dict(re.findall(r"^(\S+):\n(?:  .*\n)*?  Candidate: (\S+)$", said, re.MULTILINE))
    newer = {}
    for package, version in packages.items():
        candidate = offered.get(package, "(none)")
        compare = ["dpkg", "--compare-versions", version, "lt", candidate]
        if candidate != "(none)" and subprocess.run(compare).returncode == 0:
            newer[package] = candidate
    return newer


def short_licence(text: str) -> str:
    """Short name of the first licence in a machine-readable Debian copyright file, or a hint."""
    named = re.search(r"^License: *(\S.*)$", text, re.MULTILINE)
    return named.group(1).strip() if named else "see the text"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("sources", type=Path, nargs="?")
    parser.add_argument("--allow-outdated", action="store_true", help="of the system's libraries")
    options = parser.parse_args()
    program = options.program
    licences = [*inside(installed(extras=EXTRAS)), python(), icu()]
    licences += installed("pyinstaller")[:1]  # its bootloader starts the program
    if options.sources is not None and sys.platform.startswith("linux") and shutil.which("dpkg"):
        sources = json.loads(options.sources.read_text("utf-8"))
        packages = debian_packages(
            source for path, source in sources.items() if (program / "_internal" / path).exists()
        )
        if newer := outdated(packages):
            listed = "".join(f"\n    {name} {packages[name]} -> {version}" for name, version in newer.items())
            print(f"apt offers newer versions of libraries that are inside:{listed}", file=sys.stderr)
            if not options.allow_outdated:
                sys.exit(f"Update them: apt-get install --only-upgrade {' '.join(newer)}")
        for package, version in packages.items():
            text = _copyright_of(package)
            licences.append(
                Licence(package, version, short_licence(text), f"https://packages.debian.org/{package}", text)
            )
    first, *others = licences
    target = program / "_internal" / "assets" / "licences.json"
    target.write_text(to_json([first, *sorted(others, key=lambda each: each.name.lower())]), encoding="utf-8")
    print(f"{len(licences)} licences", file=sys.stderr)


if __name__ == "__main__":
    main()
