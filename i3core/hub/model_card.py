"""README.md of a model on the hub: what it is, its training data, its figures, how to use it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..checkpoints.model_info import ModelInfo, inspect
from ..data.sources import parse_source
from ..errors import I3Error
from ..model.block_kinds import blocks_in_words
from ..net.dataset_name import HubDataset
from ..system.files import open_file, read_json

_HEADER = re.compile(r"---\r?\n.*?\r?\n---\r?\n", re.DOTALL)


def model_card(folder: Path, repo: str, licence: str = "") -> str:
    """Write the card of a model or run folder for the repository `repo`.

    An existing README.md is kept; only the header that the hub reads is added if it is missing. Files of training
    data are named without their folders.
    """
    facts = inspect(folder)
    licence = licence or facts.licence
    run = _run(folder)
    header = _header(licence, run)
    own = facts.weights_folder / "README.md"
    if own.is_file():
        text = own.read_text(encoding="utf-8")
        return text if _HEADER.match(text) else header + text
    parts = [header + f"# {repo.split('/')[-1]}", _introduction(facts), _sizes(facts)]
    if run:
        parts += [_training(run), _figures(facts, folder)]
    parts += [_usage(repo), f"## Licence\n\n{licence or 'Not stated.'}", _LIMITS, _CREDITS]
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(licence: str, run: dict) -> str:
    sources = (parse_source(name)[0] for name in run.get("data", []))
    repos = sorted({source.repo for source in sources if isinstance(source, HubDataset)})
    lines = [
        "---",
        *_licence_lines(licence),
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "tags:",
        *(f"- {tag}" for tag in ("i3", "rwkv", "mamba", "hybrid")),
        *(["datasets:", *(f"- {repo}" for repo in repos)] if repos else []),
        "---",
    ]
    return "\n".join(lines) + "\n\n"


def _licence_lines(licence: str) -> list[str]:
    """Header lines of a licence: the hub's short name, or `other` and a name for it."""
    if not licence:
        return []
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", licence):
        return [f"license: {licence.lower()}"]
    name = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-.") or "own"
    return ["license: other", f"license_name: {name}"]


def _introduction(facts: ModelInfo) -> str:
    return facts.description or (
        f"An i3 language model: {' blocks, then '.join(blocks_in_words(facts.config.kinds))} blocks, "
        f"{facts.parameters:,} parameters."
    )


def _sizes(facts: ModelInfo) -> str:
    config = facts.config
    rows = {
        "parameters": f"{facts.parameters:,}",
        "blocks": ", ".join(blocks_in_words(config.kinds)),
        "d_model, heads, d_state, FFN": f"{config.d_model}, {config.n_heads}, {config.d_state}, {config.ffn_width}",
        "vocabulary": f"{config.vocab_size:,} {facts.unit}s"
        + (" of one to three characters" if facts.unit == "chunk" else " (byte-level BPE)"),
        "window": f"{config.window} tokens",
        "weights": facts.dtype,
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _training(run: dict) -> str:
    data = []
    for argument in run.get("data", []):
        source, weight = parse_source(argument)
        name = str(source) if isinstance(source, HubDataset) else source.name
        data.append(f"- {name}" + (f", {weight:g} times" if weight != 1 else ""))
    chosen = ("preset", "steps", "epochs", "batch_size", "optimizer", "lr", "lora_rank", "loss_on", "seed")
    kept = {key: run.get(key) for key in chosen if run.get(key) not in (None, "", 0)}
    if "steps" in kept:
        kept.pop("epochs", None)
    settings = [f"{key} {value}" for key, value in kept.items()]
    return "\n".join(["## Training", "", "Trained by `i3core train` on", "", *data, "", f"with {', '.join(settings)}."])


def _figures(facts: ModelInfo, folder: Path) -> str:
    training, best = facts.training, _last_validation(folder)
    if training is None:
        return ""
    rows = {
        "steps": f"{training.step:,}",
        "tokens seen": f"{best['tokens']:,}" if "tokens" in best else "",
        "validation perplexity (best)": _rounded(training.best_val_perplexity),
        "perplexity on general conversations": _rounded(training.general_perplexity),
    }
    shown = [f"| {name} | {value} |" for name, value in rows.items() if value]
    return "\n".join(["## Figures", "", "| | |", "|---|---|", *shown])


def _usage(repo: str) -> str:
    return f"""## Use

    pip install "i3desk[transformers]"

    import i3core.hf
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained("{repo}")
    tokenizer = AutoTokenizer.from_pretrained("{repo}")
    inputs = tokenizer("hello", return_tensors="pt")
    outputs = model.generate(**inputs, max_length=100, temperature=0.8, top_k=40, do_sample=True)
    print(tokenizer.decode(outputs[0]))

or `i3core download {repo}`, and then `i3core chat {repo.split("/")[-1]}` or the window of i3desk."""


_LIMITS = """## Limits

A small language model: it makes things up, contradicts itself, and repeats attitudes of its data. All text is lower
case. Do not use it for facts or advice."""

# The notice of open-i3 asks for this link in the card of every model of its architecture.
_CREDITS = """## Credits

The i3 architecture is the work of FlameF0X and i3-lab: https://github.com/FlameF0X/open-i3"""


def _run(folder: Path) -> dict[str, Any]:
    try:
        content = read_json(folder / "run.json")
    except I3Error:
        return {}
    if not isinstance(content, dict):
        return {}
    config = content.get("config", content)
    return config if isinstance(config, dict) else {}


def _last_validation(folder: Path) -> dict[str, Any]:
    last: dict[str, Any] = {}
    try:
        with open_file(folder / "metrics.jsonl") as lines:
            for line in lines:
                if b'"tokens"' in line:
                    try:
                        last = json.loads(line)
                    except ValueError:  # cut short by a crash
                        continue
    except OSError:
        return {}
    return last


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
