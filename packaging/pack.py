"""Pack a built program and report sizes and times: `python packaging/pack.py DIR [--folder] ...`, called by build.sh.

Reads DIR/i3desk and writes the Linux archives, SHA256SUMS and build.json beside it. Times, owners and order in the
archives are fixed, so that equal programs give equal archives.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from debian import PROGRAMS, make_deb
from share import PACKAGING, lay_out_share, write

from i3core.version import __version__

STARTS = 3


def make_tar(program: Path, target: Path, icons: Path, work: Path) -> None:
    """Write the .tar.gz for any Linux distribution."""
    extra = work / "tar"
    lay_out_share(extra / "share", icons)
    shutil.copyfile(PACKAGING.parent / "LICENSE", extra / "LICENSE")
    top = f"i3desk-{__version__}"
    entries = {path.relative_to(folder): path for folder in (program, extra) for path in folder.rglob("*")}

    def normalised(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
        if not info.issym():
            info.mode = 0o755 if info.isdir() or Path(info.name).name in PROGRAMS else 0o644
        return info

    with (
        open(target, "wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in sorted(entries):
            archive.add(entries[name], f"{top}/{name}", recursive=False, filter=normalised)


def sha256(path: Path) -> str:
    """SHA-256 of the file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(folder: Path) -> int:
    """Bytes of all files in the folder, without links."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def start_times(program: Path) -> dict:
    """Median seconds to the first paint and to the ready model, of several starts."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen", "PATH": os.environ["PATH"]}
        shown = []
        for _ in range(STARTS):
            done = subprocess.run([program / "i3desk", "--smoke"], env=environment, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"The built program does not work: {done.stdout} {done.stderr}")
            shown.append(json.loads(done.stdout))
    return {key: round(statistics.median(each[key] for each in shown), 2) for key in ("first_paint_s", "model_ready_s")}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--edition", default="", help='"" or "-cuda"')
    parser.add_argument(
        "--began", type=int, default=int(time.time()), help="when the build started, in seconds since 1970"
    )
    parser.add_argument("--folder", action="store_true", help="no archives")
    options = parser.parse_args()
    out, program = options.out.resolve(), options.out.resolve() / "i3desk"
    icons = PACKAGING.parent / "build" / "icons"
    results = {"version": __version__, "unpacked_bytes": size_of(program), **start_times(program)}
    archives = []
    if sys.platform.startswith("linux") and not options.folder:
        print("Packing ...", file=sys.stderr)
        archives = [out / f"i3desk-{__version__}-linux-x86_64{options.edition}.tar.gz"]
        with tempfile.TemporaryDirectory(dir=out) as name, ThreadPoolExecutor(1) as workers:
            tar = workers.submit(make_tar, program, archives[0], icons, Path(name))
            if shutil.which("dpkg-deb"):
                archives.append(out / f"i3desk_{__version__}{options.edition.replace('-', '+')}_amd64.deb")
                make_deb(program, archives[1], icons, options.edition, Path(name))
            tar.result()
        write(out / "SHA256SUMS", "".join(f"{sha256(path)}  {path.name}\n" for path in archives))
    results["packed_bytes"] = {path.name: path.stat().st_size for path in archives}
    results["build_s"] = int(time.time()) - options.began
    write(out / "build.json", json.dumps(results, indent=1) + "\n")
    print(f"\ni3desk {__version__}, built in {results['build_s']} s")
    print(f"  unpacked           {results['unpacked_bytes'] / 1e6:7.1f} MB  {program}")
    for name, size in results["packed_bytes"].items():
        print(f"  packed             {size / 1e6:7.1f} MB  {name}")
    print(f"  first paint after  {results['first_paint_s']:7.2f} s   (median of {STARTS} starts, without a screen)")
    print(f"  model ready after  {results['model_ready_s']:7.2f} s")


if __name__ == "__main__":
    main()
