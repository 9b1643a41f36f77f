#!/bin/sh
# Builds the packaged program for this machine's system, from a clean checkout:
#     sh packaging/build.sh [--cuda] [--folder] [--out DIR]
#   --cuda     with torch's CUDA build, for NVIDIA cards (several GB; file names end in -cuda)
#   --folder   only the program's folder, no archives
#   --allow-outdated   even if apt offers newer versions of libraries that go inside; never for a release
#   --out DIR  where it goes; without it, dist/
# On Linux: DIR/i3desk/, i3desk-VERSION-linux-x86_64.tar.gz, i3desk_VERSION_amd64.deb, SHA256SUMS and build.json.
# Windows and macOS: windows/build.ps1, macos/build.sh. Two builds of one commit are equal: reproduce.sh checks it.
set -eu
cd "$(dirname "$0")/.."
began=$(date +%s)
cuda= folder= outdated= out=dist
while [ $# -gt 0 ]; do
    case "$1" in
    --cuda) cuda=-cuda ;;
    --folder) folder=--folder ;;
    --allow-outdated) outdated=--allow-outdated ;;
    --out) out=${2:?"--out needs a folder"} && shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit ;;
    *) echo "Unknown option $1. Known: --cuda, --folder, --allow-outdated, --out DIR." >&2 && exit 2 ;;
    esac
    shift
done

sh packaging/setup.sh "package$cuda" </dev/null
if [ "$(uname -s)" = Linux ]; then
    for tool in strip objdump; do
        command -v $tool >/dev/null || { echo "The build needs $tool: install binutils." >&2 && exit 1; }
    done
fi
python=build/venv-package$cuda/bin/python
unset PYTHONPATH
# Otherwise the order of sets and timestamps would differ between builds.
PYTHONHASHSEED=1
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date -r pyproject.toml +%s)
export PYTHONHASHSEED SOURCE_DATE_EPOCH
mkdir -p build/program "$out"
rm -rf "$out/i3desk"
$python packaging/icons.py build/icons
echo "Collecting the program ..." >&2
I3DESK_ICONS=$(pwd)/build/icons $python -m PyInstaller --noconfirm --clean --log-level ERROR \
    --distpath "$out" --workpath build/program packaging/i3desk.spec 2>build/program.log || { tail -n 20 build/program.log >&2 && exit 1; }
# shellcheck disable=SC2086
$python packaging/collect_licences.py "$out/i3desk" build/program/i3desk/sources.json $outdated
$python packaging/pack.py "$out" --edition "$cuda" --began "$began" $folder
if [ -z "$folder" ] && command -v lintian >/dev/null; then
    lintian --fail-on error "$out"/i3desk_*.deb 2>build/lintian.log || { cat build/lintian.log >&2 && exit 1; }
fi
