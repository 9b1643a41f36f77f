"""Build the package for Debian and its derivatives."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from elf import binaries_of, described, is_binary, linked_with
from share import LINUX, MAINTAINER, changelog, lay_out_share, write

from i3core.version import __version__
from i3desk.help.licences import from_json

SUMMARY = "Chat with an i3 language model on your own computer and fine-tune it"
DESCRIPTION = """\
 i3desk chats with an i3 language model on your own computer and fine-tunes it
 on your own text while you watch, on a CPU or an NVIDIA card. A small model is
 inside, so that it works offline from the first start.
 .
 i3core is the command line of the same: it chats, trains, evaluates and
 converts models, also on machines without a display."""
NEEDED = ["fonts-dejavu-core | fonts-freefont-ttf | fonts-liberation | fonts-noto-core", "xkb-data"]
RECOMMENDED = ["fonts-noto-color-emoji", "xdg-utils", "xdg-desktop-portal"]
PROGRAMS = ("i3desk", "torch_shm_manager")  # the files that are executable


def make_deb(program: Path, target: Path, icons: Path, edition: str, work: Path) -> None:
    """Write the .deb of a built program to `target`."""
    root = work / "deb"
    lib, share = root / "usr" / "lib" / "i3desk", root / "usr" / "share"
    lib.parent.mkdir(parents=True)
    shutil.copytree(program, lib, symlinks=True, copy_function=os.link)  # hard links: nothing is copied
    (root / "usr" / "bin").mkdir()
    for name in ("i3desk", "i3core"):
        (root / "usr" / "bin" / name).symlink_to(f"../lib/i3desk/{name}")
    lay_out_share(share, icons)
    write(share / "doc" / "i3desk" / "copyright", copyright_file(program))
    write(share / "doc" / "i3desk" / "changelog.gz", changelog(), packed=True)
    write(share / "doc" / "i3desk" / "licences.txt.gz", licence_texts(program), packed=True)
    write(share / "lintian" / "overrides" / "i3desk", (LINUX / "lintian-overrides").read_text("utf-8"))
    set_modes(root)
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    sums = "".join(f"{md5(path)}  {path.relative_to(root)}\n" for path in files)
    size = sum(path.stat().st_size for path in files) // 1024 + len(files)
    fields = {
        "Package": "i3desk",
        "Version": __version__ + edition.replace("-", "+"),
        "Architecture": "amd64",
        "Maintainer": MAINTAINER,
        "Installed-Size": size,
        "Depends": ", ".join(debian_dependencies(program, edition)),
        "Recommends": ", ".join(RECOMMENDED),
        "Section": "science",
        "Priority": "optional",
        "Homepage": "https://github.com/i3desk/i3desk",
        "Description": f"{SUMMARY}\n{DESCRIPTION}",
    }
    write(root / "DEBIAN" / "control", "".join(f"{name}: {value}\n" for name, value in fields.items()))
    write(root / "DEBIAN" / "md5sums", sums)
    set_modes(root / "DEBIAN")
    command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z19", "--build", root, target]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def debian_dependencies(program: Path, edition: str = "") -> list[str]:
    """Debian packages with the system libraries that the program needs, and the C library's version.

    The CUDA edition has optional parts for drivers and networks; what this system lacks of those is left out.
    """
    binaries = binaries_of(program)
    own = {path.name for path in program.rglob("*.so*")}
    wanted, versions = set(), {(2, 28)}
    for path in binaries:
        wanted |= set(linked_with(path)) - own
        versions |= {tuple(map(int, each)) for each in re.findall(r"GLIBC_(\d+)\.(\d+)", described(path))}
    cached = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    places = dict(reversed(re.findall(r"^\s*(\S+) \(libc6,x86-64.*?\) => (\S+)$", cached, re.MULTILINE)))
    if edition:
        wanted &= set(places)
    if missing := sorted(wanted - set(places)):
        sys.exit(f"Nothing on this system provides {', '.join(missing)}, which the program needs.")
    packages = set()
    for name in wanted:
        for path in (places[name], os.path.realpath(places[name]), places[name].replace("/lib/", "/usr/lib/", 1)):
            found = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True).stdout
            if found:
                packages.add(found.partition(":")[0])
                break
        else:
            sys.exit(f"No package of this system owns {places[name]}, which the program needs.")
    packages.discard("libc6")
    return [f"libc6 (>= {'.'.join(map(str, max(versions)))})", *sorted(packages), *NEEDED]


def copyright_file(program: Path) -> str:
    """Debian's copyright file, with the licences of everything included."""
    licences = from_json((program / "_internal" / "assets" / "licences.json").read_text("utf-8"))
    listed = "\n".join(f" {each.name} {each.version}: {each.licence}" for each in licences[1:])
    inside = (
        f"Files: usr/lib/i3desk/_internal/*\nCopyright: their authors, as the texts say\nLicense: several\n{listed}\n"
    )
    return (LINUX / "copyright").read_text("utf-8") + "\n" + inside


def licence_texts(program: Path) -> str:
    """The texts of all licences in one document."""
    licences = from_json((program / "_internal" / "assets" / "licences.json").read_text("utf-8"))
    return "\n\n".join(
        f"{'=' * 80}\n{each.name} {each.version}: {each.licence}\n{each.home}\n{'=' * 80}\n\n{each.text}"
        for each in licences
    )


def set_modes(root: Path) -> None:
    """Set folders and programs to 755 and all other files to 644, independent of the umask."""
    for path in [root, *root.rglob("*")]:
        if path.is_symlink():
            continue
        runs = path.is_dir() or (path.name in PROGRAMS and is_binary(path))
        path.chmod(0o755 if runs else 0o644)


def md5(path: Path) -> str:
    """MD5 of the file, as `debsums` expects it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
