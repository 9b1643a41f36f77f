"""Trains small candidates for i3-mini at equal compute and compares them on held-out text.

    python sizes.py DATA [NAME ...]

Run from the top of the project after `build.sh DATA` has prepared the data. Every candidate gets the same mix of text
(`pretrain.toml`) and the same product of tokens and multiplications per token, so a larger network sees less text. The
results are kept in `runs/i3-mini/sizes/`; a candidate that is there is not trained again.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path

from i3core.model.config import ModelConfig, preset

RUNS = Path("runs/i3-mini/sizes")
RECIPE = Path("assets/models/i3-mini/recipe")
BASE = "i3-mini,d_model=256,hybrid_layers=6,attention_layers=3"
BASE_STEPS, SHORT = 300, 120
MINI = "i3-mini,hybrid_layers=5,attention_layers=1"
CANDIDATES = {  # sizes, ids of the vocabulary, and steps that the first sizes of i3-mini would have
    "384: 4 hybrid, 2 attention": ("i3-mini,d_model=384,hybrid_layers=4,attention_layers=2", 2048, BASE_STEPS),
    "512: 2 hybrid, 2 attention": ("i3-mini,d_model=512,hybrid_layers=2,attention_layers=2", 2048, BASE_STEPS),
    "384: 2 hybrid, 4 attention": ("i3-mini,d_model=384,hybrid_layers=2,attention_layers=4", 2048, BASE_STEPS),
    "384: 5 hybrid, 1 attention": ("i3-mini,d_model=384,hybrid_layers=5,attention_layers=1", 2048, BASE_STEPS),
    "384: 5 + 1, short": (MINI, 2048, SHORT),
    "384: 5 + 1, short, window 1,024": (f"{MINI},window=1024", 2048, SHORT),
    "384: 5 + 1, short, 4,096 chunks": (MINI, 4096, SHORT),
    "384: 5 + 1, short, untied head": (f"{MINI},tie_embeddings=false", 2048, SHORT),
    "256: 6 + 3, short": (BASE, 2048, SHORT),
}


def work_per_token(config: ModelConfig) -> float:
    """Multiplications for one token, forward: every weight that is used once, and attention over half a window."""
    used = config.parameters - config.window * config.d_model
    if not config.tie_embeddings:
        used -= config.vocab_size * config.d_model
    return used + config.attention_layers * config.window * config.d_model


def sample(source: Path, every: int) -> Path:
    """Every `every`th record of a held-out file."""
    to = RUNS / source.name.removesuffix(".xz")
    if not to.exists():
        with lzma.open(source, "rt", encoding="utf-8") as lines:
            to.write_text("".join(list(lines)[::every]), encoding="utf-8")
    return to


def i3core(*arguments: object) -> str:
    command = [sys.executable, "-m", "i3core", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def vocabulary(data: Path, ids: int) -> Path:
    to = RUNS / f"tokenizer-{ids}.json"
    if not to.exists():
        files = data / "train/chat.jsonl.xz", data / "train/text.jsonl.xz"
        i3core("vocab", "--data", *files, "--max-vocab", ids, "--out", to)
    return to


def measure(name: str, spec: str, ids: int, base_steps: int, data: Path) -> dict:
    config = preset(spec, vocab_size=ids)
    run = RUNS / "".join(c if c.isalnum() else "-" for c in name)
    result = run / "result.json"
    if result.exists():
        return json.loads(result.read_text())
    steps = round(base_steps * work_per_token(preset(BASE)) / work_per_token(config))
    chat = sample(data / "heldout/chat.jsonl.xz", 12)
    text = sample(data / "heldout/text.jsonl.xz", 4)
    options = ["--config", RECIPE / "pretrain.toml", "--from-scratch", spec, "--out", run, "--steps", steps]
    options += ["--tokenizer", vocabulary(data, ids), "--val", chat, "--eval-every", 0]
    options += ["--batch-size", 8 * 512 // config.window]  # the same tokens a step
    options += ["--warmup-steps", 20, "--decay-share", 1, "--min-lr-share", 0.05, "--checkpoint-every", 0]
    if not (run / "run.json").exists():
        i3core("train", "--json", *options)
    kept = run / "checkpoints" / "last"
    bits = [json.loads(i3core("eval", kept, file, "--json"))["bits_per_character"] for file in (chat, text)]
    found = {"name": name, "parameters": config.parameters, "steps": steps, "chat": bits[0], "text": bits[1]}
    result.write_text(json.dumps(found))
    return found


def main(data: Path, names: list[str]) -> None:
    RUNS.mkdir(parents=True, exist_ok=True)
    print("| candidate | parameters | steps | chat, bits per character | text |\n|---|---|---|---|---|", flush=True)
    for name in names or CANDIDATES:
        found = measure(name, *CANDIDATES[name], data)
        print(
            f"| {name} | {found['parameters']:,} | {found['steps']} | {found['chat']:.3f} | {found['text']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
