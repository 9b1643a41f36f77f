"""Compile the library of `i3core/model/native.py` beside its source, if there is a C compiler.

    python packaging/native.py

Does nothing if all is there. Called by setup.sh and, for wheels, by hatch_build.py. Two builds of one source are equal.
Imports only Python's own modules, and no module of the project.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "i3core" / "model"
SOURCE = FOLDER / "decode_step.c"
SUFFIX = ".dll" if sys.platform == "win32" else ".so"
# Sums may be computed in another order, so that they become vector instructions. -ffast-math would change how the whole
# process rounds.
FLAGS = [
    "-std=gnu11", "-O3", "-fassociative-math", "-freciprocal-math", "-fno-signed-zeros", "-fno-trapping-math",
    "-fno-math-errno", "-fPIC", "-shared", "-pthread", "-s" if sys.platform == "linux" else "-O3",
]  # fmt: skip
AVX2 = ["-mavx2", "-mfma"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mprefer-vector-width=512"]
KINDS = {"generic": [], "avx2": AVX2, "avx512": AVX512, "vnni": [*AVX512, "-mavx512vnni"]}


def kinds() -> list[str]:
    """The kinds of processors to compile for: of this machine's family."""
    return list(KINDS) if platform.machine().lower() in ("x86_64", "amd64") else ["generic"]


def compiler() -> str | None:
    """The C compiler to use; None if there is none that takes these options."""
    names = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


def build() -> list[Path]:
    """Compile what is missing or older than its source. Returns the libraries that are there."""
    found, cc = [], compiler()
    for kind in kinds() if SOURCE.exists() else ():
        library = SOURCE.with_name(f"{SOURCE.stem}.{kind}{SUFFIX}")
        made = max(SOURCE.stat().st_mtime, Path(__file__).stat().st_mtime)
        if not library.exists() or library.stat().st_mtime < made:
            library.unlink(missing_ok=True)  # another version's
            part = library.with_suffix(f".{os.getpid()}.part")
            command = [cc, *FLAGS, *KINDS[kind], SOURCE.name, "-o", part.name] if cc else ["false"]
            try:
                done = cc and subprocess.run(command, cwd=FOLDER, capture_output=True).returncode == 0
                if done:
                    part.replace(library)
            except OSError:  # a compiler that does not start
                pass
            finally:
                part.unlink(missing_ok=True)
        if library.exists():
            found.append(library)
    return found


if __name__ == "__main__":
    build()
