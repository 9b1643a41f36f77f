"""Facts of a model in words: the few on its card, and all of them."""

from __future__ import annotations

from pathlib import Path

from i3core.checkpoints.model_info import ModelInfo, memory_bytes
from i3core.model.block_kinds import blocks_in_words
from i3core.system.humanize import count_text, size_text, when_text
from i3desk.models.catalog import Entry, Origin

NOT_STATED = "not stated"
LONGEST_DESCRIPTION = 130
PRECISIONS = {
    "float32": ("float32", "Full precision: exact replies, most memory."),
    "bfloat16": (
        "bfloat16",
        "Shorter numbers: replies differ very slightly. For GPUs; most CPUs are slower with it.",
    ),
    "int8": (
        "int8",
        "Weights of one byte each: little memory, fast on most CPUs; replies differ slightly.",
    ),
    "int4": (
        "int4",
        "Weights of half a byte each: least memory, fastest on most CPUs; replies differ.",
    ),
}
LAYOUTS = {"safetensors": "safetensors", "public": "public (pytorch_model.bin)"}


def description_of(entry: Entry) -> str:
    """One or two sentences under the name."""
    facts = entry.facts
    if facts is None:
        return "" if entry.what else "Reading the folder…"
    training = facts.training
    if training is not None:
        base = f" from {Path(training.base).name}" if training.base else ""
        when = f", {when_text(training.started)}" if training.started else ""
        return f"Fine-tuned{base}{when}."
    if facts.base is not None:
        return f"An adapter of {facts.base.name}: its learned changes to that model."
    if entry.origin is Origin.BUNDLED:
        return "Everyday talk, small sums and simple facts, in short English sentences."
    if facts.kept is not None:
        return f"{facts.description.rstrip('.') or 'Trained by you'}; kept {when_text(facts.kept)}."
    if facts.description:
        return _first_sentences(facts.description)
    return f"Downloaded from {facts.source}." if facts.source else str(entry.folder)


def _first_sentences(text: str) -> str:
    """The first whole sentences that fit on a card."""
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    cut = text[:LONGEST_DESCRIPTION]
    end = max(cut.rfind(mark) for mark in (". ", ": ", "; "))
    return cut[:end].rstrip() + "." if end > 20 else cut.rsplit(" ", 1)[0] + "…"


def card_facts(facts: ModelInfo, precision: str) -> list[tuple[str, str, str]]:
    """Name, value and tooltip of the facts on a card."""
    shown = [
        ("memory", size_text(memory_bytes(facts, precision)), f"Estimated memory use at {precision}"),
        ("file", size_text(facts.file_bytes), "Size on the disk"),
        ("window", f"{facts.window:,}", "Context window, in tokens"),
        ("parameters", count_text(facts.parameters), f"{facts.parameters:,} parameters"),
        ("licence", facts.licence or NOT_STATED, "The licence of the model"),
    ]
    training = facts.training
    if training is not None:
        own_text = "Perplexity on text like its training data; lower is better"
        general = "Perplexity on general text; lower is better"
        shown += [
            ("own text", _figure(training.best_val_perplexity), own_text),
            ("general", _figure(training.general_perplexity), general),
            ("steps", f"{training.step:,}", "Training steps"),
        ]
    return shown


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def all_facts(entry: Entry) -> dict[str, str]:
    """All facts by name, for the details."""
    facts = entry.facts
    if facts is None:
        return {"Folder": str(entry.folder)}
    kinds = {"complete": "complete model", "adapter": "adapter (LoRA)", "run": "best checkpoint of a training run"}
    shown = {
        "About": facts.description,
        "Kind": kinds.get(facts.kind, facts.kind),
        "Parameters": f"{facts.parameters:,}",
        "Layers": ", ".join(blocks_in_words(facts.config.kinds)),
        "Width": f"{facts.d_model:,}",
        "Vocabulary": f"{facts.vocab_size:,} {facts.unit}s",
        "Window": f"{facts.window:,} tokens",
        "Files": f"{size_text(facts.file_bytes)}, {LAYOUTS.get(facts.layout, facts.layout)}, {facts.dtype}",
        "Memory": ", ".join(f"{size_text(memory_bytes(facts, each))} at {each}" for each in PRECISIONS),
        "Licence": facts.licence or NOT_STATED,
        "Source": facts.source or NOT_STATED,
        "Base model": str(facts.base or (facts.training.base if facts.training else "")),
        "Notes": " ".join(facts.warnings),
        "Checksums": "stored with the files" if facts.has_checksums else "none stored with the files",
        "Folder": str(entry.folder),
    }
    return {name: value for name, value in shown.items() if value}
