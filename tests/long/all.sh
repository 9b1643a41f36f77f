#!/bin/sh
# Runs every long check that README and docs quote, and writes a table of the results with date and commit:
#     sh tests/long/all.sh [--short] [TABLE]        TABLE: build/long-checks.md unless named
# --short takes fewer kills and less data. Some checks need data that is not part of the project, and are skipped without:
#     STYLE_DATA=FOLDER (learning.py)   TRANSFORMERS_SOURCE=FOLDER (transformers_common.py)
# Exits 1 if a check failed.
set -u
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
short=
[ "${1:-}" != --short ] || { short=yes && shift; }
table=${1:-build/long-checks.md}
full() { [ -n "$short" ] && echo "$1" || echo "$2"; }  # the value of a short run, of a whole one
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export QT_QPA_PLATFORM="${QT_QPA_PLATFORM:-offscreen}" I3DESK_CACHE="$work/cache" I3DESK_RUNS_FILE="$work/runs.json"
mkdir -p "$(dirname "$table")"
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
{
    echo "Long checks of $(date -u +%Y-%m-%d), commit $commit$([ -z "$short" ] || echo ', the short form')."
    echo
    echo "| check | result | seconds | last line |"
    echo "|---|---|---|---|"
} >"$table"
failed=0
row() { printf '| `%s` | %s | %s | %s |\n' "$1" "$2" "$3" "$4" | tee -a "$table"; }
check() {  # a script of tests/ and its options
    name=$(basename "$1")
    start=$(date +%s)
    if "$python" "$@" >"$work/output" 2>&1; then result=ok; else result=FAILED failed=1; fi
    row "$name" "$result" $(($(date +%s) - start)) "$(grep -v '^$' "$work/output" | tail -n 1 | cut -c1-200 | tr '|' '/')"
    [ "$result" = ok ] || tail -n 30 "$work/output" >&2
}
check tests/long/responsiveness.py
check tests/long/curve_speed.py
# shellcheck disable=SC2046
check tests/long/soak.py $(full --short "")
check tests/long/fuzz.py --inputs "$(full 350 10000)"
check tests/long/store_speed.py
check tests/long/store_kill.py --kills "$(full 5 50)"
check tests/long/window_kill.py --kills "$(full 3 50)"
check tests/long/run_kill.py --rounds "$(full 1 10)"
# shellcheck disable=SC2046
check tests/long/fine_tuning_trial.py $(full "house --short" "")
check tests/long/kill.py --kills "$(full 3 20)"
check tests/long/gigabyte.py --megabytes "$(full 20 1000)" --folder "$work"
# shellcheck disable=SC2046
check tests/long/sample_styles.py $(full pirate "")
if [ -n "${STYLE_DATA:-}" ]; then
    check tests/long/learning.py pirate "$STYLE_DATA"
else
    row learning.py skipped 0 "STYLE_DATA is not set"
fi
if [ -n "${TRANSFORMERS_SOURCE:-}" ]; then
    check tests/long/transformers_common.py "$TRANSFORMERS_SOURCE"
else
    row transformers_common.py skipped 0 "TRANSFORMERS_SOURCE is not set"
fi
check tests/support/tour.py "$work/tour"
exit $failed
