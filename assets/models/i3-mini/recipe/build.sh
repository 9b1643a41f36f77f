#!/bin/sh
# Trains i3-mini from data to the bundled folder. Run from the top of the project:
#     sh assets/models/i3-mini/recipe/build.sh DATA
# DATA holds train/ and heldout/. Started again after a stop, it goes on where it was.
set -eu
data=${1:?"usage: build.sh DATA"}
recipe=assets/models/i3-mini/recipe
python=${PYTHON:-.venv/bin/python}
mkdir -p runs/i3-mini

[ -f runs/i3-mini/data/.done ] || { "$python" $recipe/prepare.py "$data" runs/i3-mini/data; touch runs/i3-mini/data/.done; }
[ -f runs/i3-mini/tokenizer.json ] || "$python" -m i3core vocab \
    --data "$data/train/chat.jsonl.xz" "$data/train/text.jsonl.xz" --max-vocab 2048 --out runs/i3-mini/tokenizer.json

stage() {
    out=runs/i3-mini/$1
    if grep -q '"state": "finished"' "$out/status.json" 2>/dev/null; then
        return
    elif [ -f "$out/run.json" ]; then
        "$python" -m i3core train --resume "$out"
    else
        "$python" -m i3core train --config "$recipe/$1.toml"
    fi
    grep -q '"state": "finished"' "$out/status.json" || { echo "Stopped; start again to go on."; exit 1; }
}
stage pretrain
stage chat
stage polish
"$python" -m i3core convert runs/i3-mini/polish/checkpoints/last assets/models/i3-mini --dtype float16 --license Apache-2.0
rm assets/models/i3-mini/checksums.json  # the card below is yet to be filled
"$python" -m i3core eval i3-mini "$data" --suite --card assets/models/i3-mini/README.md
