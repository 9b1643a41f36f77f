"""Fine-tune the bundled model on a style; measure how far it adopts the style and what it forgets.

    .venv/bin/python tests/long/learning.py pirate DATA [--out RUN] [option of i3core train ...]
    .venv/bin/python tests/long/learning.py personality DATA --style witty ...

DATA is the folder with the demonstration sets (train.jsonl and test.jsonl, or STYLE_train.jsonl and STYLE_test.jsonl).
pirate: share of replies to the held-out prompts with a pirate word, before and after; at least 60 % must have one.
personality: for how many held-out prompts the model finds the reply of the style likelier than that of the other style
to the same prompt, and for how many its own reply is one that the style's data has and the other's lacks.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

import torch

import i3core
from i3core.runs.folder import RunFolder

PIRATE_WORDS = {
    "ahoy", "arr", "arrr", "avast", "aye", "blimey", "doubloons", "hearties", "hearty", "landlubber", "landlubbers",
    "m'hearty", "matey", "mateys", "savvy", "shiver", "timbers", "ye", "ye'd", "yer",
}  # fmt: skip
OPTIONS = {"epochs": 6.0, "lr": 1e-3, "optimizer": "muon", "batch_size": 8, "warmup_steps": 20, "eval_every": 200}


def conversations(path: Path) -> list[list[dict]]:
    return [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def replies(model: i3core.Model, prompts: list[str]) -> list[str]:
    sampling = i3core.SamplingConfig(temperature=0.7, max_new_tokens=60, seed=1)
    generator = i3core.Generator(model)
    return [
        "".join(piece.text for piece in generator.stream([{"role": "user", "content": prompt}], sampling))
        for prompt in prompts
    ]


def pirate_share(texts: list[str]) -> float:
    return sum(bool(PIRATE_WORDS & set(re.findall(r"[a-z'-]+", text.lower()))) for text in texts) / len(texts)


@torch.inference_mode()
def loss_of(model: i3core.Model, messages: list[dict]) -> float:
    """Mean loss over the last reply, in nats per character."""
    turns = model.template.encode_turns(messages)
    ids = torch.tensor([[token for turn in turns for token in turn]])[:, : model.config.window]
    begin = sum(map(len, turns[:-1]))
    logprobs = model.network(ids[:, :-1])[0].log_softmax(-1)
    chosen = logprobs.gather(1, ids[0, 1:, None])[begin:]
    return -float(chosen.sum()) / max(1, len(messages[-1]["content"]))


def styles(model: i3core.Model, data: Path, style: str) -> dict:
    """Compare the model's preference for `style` with that for the other style."""
    other = next(p.name.removesuffix("_test.jsonl") for p in data.glob("*_test.jsonl") if not p.name.startswith(style))
    pairs = {name: {c[0]["content"]: c for c in conversations(data / f"{name}_test.jsonl")} for name in (style, other)}
    known = {
        name: {c[-1]["content"].strip().lower() for c in conversations(data / f"{name}_train.jsonl")}
        for name in (style, other)
    }
    prompts = sorted(pairs[style].keys() & pairs[other].keys()) or sorted(pairs[style])
    both = [p for p in prompts if p in pairs[other] and pairs[style][p][-1] != pairs[other][p][-1]]
    likelier = [loss_of(model, pairs[style][p]) < loss_of(model, pairs[other][p]) for p in both]
    said = [text.strip().lower() for text in replies(model, prompts[:200])]
    own = [text in known[style] - known[other] for text in said]
    foreign = [text in known[other] - known[style] for text in said]
    return {
        "pairs": len(both),
        "finds_the_style_likelier": sum(likelier) / max(1, len(likelier)),
        "replies_of_the_style": sum(own) / len(own),
        "replies_of_the_other": sum(foreign) / len(foreign),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("pirate", "personality"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--style", default="witty")
    parser.add_argument("--model", default="i3-mini")
    parser.add_argument("--out", type=Path)
    for name, value in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--lora-rank", type=int, default=0)
    parser.add_argument("--last-blocks", type=int, default=0)
    options = parser.parse_args()
    prefix = f"{options.style}_" if options.task == "personality" else ""
    prompts = [c[0]["content"] for c in conversations(options.data / f"{prefix}test.jsonl")]

    def measure(model: i3core.Model) -> dict:
        if options.task == "personality":
            return styles(model, options.data, options.style)
        said = replies(model, prompts)
        return {"replies_with_pirate_words": pirate_share(said), "examples": said[:5]}

    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary, "run")
        print("before:", json.dumps(measure(i3core.load(options.model)), indent=1))
        settings = {name: getattr(options, name) for name in (*OPTIONS, "lora_rank", "last_blocks")}
        config = i3core.TrainingConfig(
            data=(str(options.data / f"{prefix}train.jsonl"),), val=str(options.data / f"{prefix}test.jsonl"),
            model=options.model, out=str(out), sample_prompts=(), **settings,
        )  # fmt: skip
        start = time.monotonic()
        *_, finished = i3core.train(config)
        print(f"trained {finished.step} steps in {time.monotonic() - start:.0f} s")
        lines = [json.loads(line) for line in RunFolder(out).metrics.read_text().splitlines()]
        for line in lines:
            if "val_loss" in line:
                general = line["general_perplexity"]
                print(f"step {line['step']}: perplexity {line['val_perplexity']:.2f} on it, {general:.2f} in general")
        after = measure(i3core.load(finished.folder))
        print("after:", json.dumps(after, indent=1))
    return int(options.task == "pirate" and after["replies_with_pirate_words"] < 0.6)


if __name__ == "__main__":
    raise SystemExit(main())
