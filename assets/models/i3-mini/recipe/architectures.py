"""The claim of the i3 papers tested: hybrid blocks alone, hybrid and attention blocks, attention blocks alone.

    python architectures.py DATA

Run from the top of the project after `build.sh DATA` has prepared the data; needs `pip install matplotlib`. The three
networks have i3-mini's width and as many parameters (the FFN's width makes up the difference), and see the same tokens
in the same order at the same rate. Held-out text, speed of training and of decoding, and memory are measured; the table
is printed, the curves are written beside the model. A run that is there is not trained again.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from sizes import RECIPE, RUNS, i3core, sample

from i3core.checkpoints.checkpoint import Model, load
from i3core.generation.generator import Generator
from i3core.model.config import ModelConfig

OUT = Path("assets/models/i3-mini")
STEPS = 200
PLAIN = ModelConfig(2_048, d_model=384, n_heads=8, hybrid_layers=4, attention_layers=2, window=512, tie_embeddings=True)
BLOCKS = {  # hybrid and attention blocks
    "hybrid only (as i3-22M)": (7, 0),
    "hybrid, then attention (as i3-80M)": (4, 2),
    "attention only": (0, 5),
}
DECODED = 400  # tokens, from an empty window to nearly a full one


def as_large_as(wanted: int, hybrid: int, attention: int) -> ModelConfig:
    """So many blocks with the FFN width that brings the parameters closest to `wanted`."""

    def parameters(width: int) -> int:
        return dataclasses.replace(PLAIN, hybrid_layers=hybrid, attention_layers=attention, ffn_width=width).parameters

    width = round((wanted - parameters(1)) / (parameters(2) - parameters(1))) + 1
    return dataclasses.replace(PLAIN, hybrid_layers=hybrid, attention_layers=attention, ffn_width=width)


def spec(config: ModelConfig) -> str:
    return (
        f"i3-mini,d_model={config.d_model},n_heads={config.n_heads},hybrid_layers={config.hybrid_layers},"
        f"attention_layers={config.attention_layers},ffn_width={config.ffn_width},window={config.window}"
    )


def train(name: str, config: ModelConfig) -> Path:
    run = RUNS.parent / "architectures" / "".join(c if c.isalnum() else "-" for c in name)
    options = ["--config", RECIPE / "pretrain.toml", "--from-scratch", spec(config), "--out", run, "--steps", STEPS]
    options += ["--batch-size", 8, "--eval-every", 0, "--warmup-steps", 20, "--decay-share", 1, "--min-lr-share", 0.05]
    options += ["--checkpoint-every", 0]
    if not (run / "checkpoints" / "last").exists():
        i3core("train", "--json", *options)
    return run


def curve(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


def decoding(models: list[Model], rounds: int = 5) -> list[float]:
    """Tokens per second of each with a window that fills up; they take turns, the median of all rounds counts."""
    speeds: list[list[float]] = [[] for _ in models]
    for _ in range(rounds + 1):
        for model, measured in zip(models, speeds, strict=True):
            generator, start = Generator(model), time.perf_counter()
            generator.prefill([1])
            for token in range(1, DECODED):
                generator.step(token)
            measured.append(DECODED / (time.perf_counter() - start))
    return [statistics.median(measured[1:]) for measured in speeds]


def main(data: Path) -> None:
    chat, text = (sample(data / f"heldout/{name}.jsonl.xz", every) for name, every in (("chat", 12), ("text", 4)))
    runs = {}
    for name, blocks in BLOCKS.items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        runs[name] = train(name, as_large_as(PLAIN.parameters, *blocks))
    models = [load(run / "checkpoints" / "last", "cpu", "float32") for run in runs.values()]
    rows = []
    for (name, run), model, decoded in zip(runs.items(), models, decoding(models), strict=True):
        lines = curve(run)
        bits = [json.loads(i3core("eval", run / "checkpoints/last", file, "--json")) for file in (chat, text)]
        speed = statistics.median(line["tokens_per_second"] for line in lines[20:])
        memory = max(line["rss_bytes"] for line in lines)
        state = model.network.new_state().layers
        kept = sum(part.numel() * 4 for layer in state for part in (layer.first, layer.second))
        rows.append(
            [
                name, f"{model.parameters:,}", f"{lines[-1]['tokens']:,}",
                *(f"{found['bits_per_character']:.3f}" for found in bits),
                f"{speed:,.0f}", f"{decoded:,.0f}", f"{memory / 1e6:,.0f} MB", f"{kept / 1e3:,.0f} kB",
            ]
        )  # fmt: skip
    head = [
        "network", "parameters", "tokens", "chat, bits per character", "text", "training, tokens/s",
        "decoding, tokens/s", "memory of training", "state of a full window",
    ]  # fmt: skip
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
    print(table)
    draw({name: curve(run) for name, run in runs.items()}, OUT / "architectures.svg")


def draw(curves: dict[str, list[dict]], to: Path) -> None:
    """Training loss against tokens, each point the mean of the steps around it."""
    plt.rcParams |= {"font.size": 10, "svg.hashsalt": "i3", "axes.spines.top": False, "axes.spines.right": False}
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (name, lines), colour in zip(curves.items(), ("#2a7de1", "#d9730d", "#3f8f5b"), strict=True):
        losses = [line["loss"] for line in lines]
        smooth = [statistics.fmean(losses[max(0, i - 20) : i + 21]) for i in range(len(losses))]
        axes.plot([line["tokens"] / 1e6 for line in lines], smooth, label=name, color=colour, linewidth=1.8)
    axes.set(xlabel="tokens, millions", ylabel="training loss, nats per token", ylim=(None, 4.5))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(to, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
