#!/bin/sh
# Trains i3-mini from data to the bundled folder. Run from the top of the project:
#     sh assets/models/i3-mini/recipe/build.sh DATA
# DATA holds train/ and heldout/. Started again after a stop, it continues where it was.
set -eu
data=${1:?"usage: build.sh DATA"}
recipe=assets/models/i3-mini/recipe
python=${PYTHON:-.venv/bin/python}
runs=runs/i3-mini
mkdir -p $runs

[ -f $runs/data/.done ] || { "$python" $recipe/prepare.py "$data" $runs/data; touch $runs/data/.done; }
write() { # seed, characters, options
    seed=$1 characters=$2
    shift 2
    [ -f $runs/data/curriculum-$seed.jsonl ] || PYTHONPATH=$recipe "$python" -m curriculum \
        $runs/data/curriculum-$seed.jsonl --seed "$seed" --characters "$characters" "$@"
}
write 1 60000000
# What wants the most repetition:
write 2 60000000 --shares facts=36,sums=16,tasks=18,smalltalk=9,memory=12,stories=5,identity=8
write 3 20000000 --shares facts=34,sums=12,tasks=26,smalltalk=13,memory=15,stories=10,identity=12
[ -f $runs/tokenizer.json ] || "$python" -m i3core vocab --equal-cuts --max-vocab 1024 \
    --data $runs/data/curriculum-1.jsonl $runs/data/tinystories.jsonl $runs/data/synthetic_persona_chat.jsonl \
    --out $runs/tokenizer.json
[ -f $runs/data/whole.jsonl ] || "$python" $recipe/whole.py $runs/tokenizer.json $runs/data/whole.jsonl \
    $runs/data/synthetic_persona_chat.jsonl:1 $runs/data/personality_chosen.jsonl:1 $runs/data/tinytalks.jsonl:12

stage() {
    out=$runs/$1
    if grep -q '"state": "finished"' "$out/status.json" 2>/dev/null; then
        return
    elif [ -f "$out/run.json" ]; then
        "$python" -m i3core train --resume "$out"
    else
        "$python" -m i3core train --config "$recipe/$1.toml"
    fi
    grep -q '"state": "finished"' "$out/status.json" || { echo "Stopped; start again to continue."; exit 1; }
}
stage pretrain
stage chat
stage refine
"$python" $recipe/average.py $runs/average $runs/chat/checkpoints/last $runs/refine/checkpoints/last
# Beside the model: a little of what it knows, which is replayed while it learns something else.
PYTHONPATH=$recipe "$python" -m curriculum $runs/replay.jsonl --characters 2000000 --seed 100
xz -9e --force $runs/replay.jsonl
"$python" -m i3core convert $runs/average assets/models/i3-mini --overwrite --dtype float16 \
    --license Apache-2.0 --replay $runs/replay.jsonl.xz
"$python" -m i3core eval i3-mini "$data" --suite --card assets/models/i3-mini/README.md
