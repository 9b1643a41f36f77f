"""Facts of a model in words: the few on its card, and all of them."""

from __future__ import annotations

from pathlib import Path

from i3core.checkpoints.model_info import ModelInfo, memory_bytes
from i3core.model.block_kinds import blocks_in_words
from i3desk.humanize import count_text, size_text, unit_text, when_text
from i3desk.language import figure, tr
from i3desk.models.catalog import Entry, Origin

NOT_STATED = tr("not stated")
LONGEST_DESCRIPTION = 130
PRECISIONS = {
    "float32": ("float32", tr("Full precision: exact replies, most memory.")),
    "bfloat16": (
        "bfloat16",
        tr("Shorter numbers: replies differ very slightly. For GPUs; most CPUs are slower with it."),
    ),
    "int8": (
        "int8",
        tr("Weights of one byte each: little memory, fast on most CPUs; replies differ slightly."),
    ),
    "int4": (
        "int4",
        tr("Weights of half a byte each: least memory, fastest on most CPUs; replies differ."),
    ),
}
LAYOUTS = {"safetensors": "safetensors", "public": tr("public (pytorch_model.bin)")}


def description_of(entry: Entry) -> str:
    """One or two sentences under the name."""
    facts = entry.facts
    if facts is None:
        return "" if entry.what else tr("Reading the folder…")
    training = facts.training
    if training is not None:
        base = tr(" from {name}").format(name=Path(training.base).name) if training.base else ""
        when = f", {when_text(training.started)}" if training.started else ""
        return tr("Fine-tuned{base}{when}.").format(base=base, when=when)
    if facts.base is not None:
        return tr("An adapter of {name}: its learned changes to that model.").format(name=facts.base.name)
    if entry.origin is Origin.BUNDLED:
        return tr("Everyday talk, small sums and simple facts, in short English sentences.")
    if facts.kept is not None:
        return tr("{about}; kept {when}.").format(
            about=facts.description.rstrip(".") or tr("Trained by you"), when=when_text(facts.kept)
        )
    if facts.description:
        return _first_sentences(facts.description)
    return tr("Downloaded from {source}.").format(source=facts.source) if facts.source else str(entry.folder)


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
        (
            tr("memory"),
            size_text(memory_bytes(facts, precision)),
            tr("Estimated memory use at {precision}").format(precision=precision),
        ),
        (tr("file"), size_text(facts.file_bytes), tr("Size on the disk")),
        (tr("window"), figure(facts.window), tr("Context window, in tokens")),
        (
            tr("parameters"),
            count_text(facts.parameters),
            tr("{parameters} parameters").format(parameters=figure(facts.parameters)),
        ),
        (tr("licence"), facts.licence or NOT_STATED, tr("The licence of the model")),
    ]
    training = facts.training
    if training is not None:
        own_text = tr("Perplexity on text like its training data; lower is better")
        general = tr("Perplexity on general text; lower is better")
        shown += [
            (tr("own text"), _figure(training.best_val_perplexity), own_text),
            (tr("general"), _figure(training.general_perplexity), general),
            (tr("steps"), figure(training.step), tr("Training steps")),
        ]
    return shown


def _figure(value: float | None) -> str:
    return "–" if value is None else figure(value, ".1f")


def all_facts(entry: Entry) -> dict[str, str]:
    """All facts by name, for the details."""
    facts = entry.facts
    if facts is None:
        return {tr("Folder"): str(entry.folder)}
    kinds = {
        "complete": tr("complete model"),
        "adapter": tr("adapter (LoRA)"),
        "run": tr("best checkpoint of a training run"),
    }
    shown = {
        tr("About"): facts.description,
        tr("Kind"): kinds.get(facts.kind, facts.kind),
        tr("Parameters"): figure(facts.parameters),
        tr("Layers"): ", ".join(blocks_in_words(facts.config.kinds)),
        tr("Width"): figure(facts.d_model),
        tr("Vocabulary"): unit_text(facts.vocab_size, facts.unit),
        tr("Window"): tr("{window} tokens").format(window=figure(facts.window)),
        tr("Files"): f"{size_text(facts.file_bytes)}, {LAYOUTS.get(facts.layout, facts.layout)}, {facts.dtype}",
        tr("Memory"): ", ".join(
            tr("{size} at {each}").format(size=size_text(memory_bytes(facts, each)), each=each) for each in PRECISIONS
        ),
        tr("Licence"): facts.licence or NOT_STATED,
        tr("Source"): facts.source or NOT_STATED,
        tr("Base model"): str(facts.base or (facts.training.base if facts.training else "")),
        tr("Notes"): " ".join(facts.warnings),
        tr("Checksums"): tr("stored with the files") if facts.has_checksums else tr("none stored with the files"),
        tr("Folder"): str(entry.folder),
    }
    return {name: value for name, value in shown.items() if value}
