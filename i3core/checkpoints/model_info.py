"""Inspect a model folder without loading it: sizes from the tensors' headers, licence, source, training.

Needs torch only for pickled weights that are unlike those of the public code, and reads only their shapes even then.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, I3Error
from ..model.block_kinds import KINDS, blocks_text
from ..model.config import ModelConfig
from ..system.device import WEIGHT_BITS
from ..system.files import open_file, read_json
from ..text.tokenizers import vocabulary_unit
from . import adapter_config, registry
from .checksums import read_checksums
from .state_dict import check_shapes, config_from_shapes
from .stored import stored_tensors
from .user_notes import read_notes
from .weights import read_details, read_header, read_tensors, same_bytes, tokenizer_path, weights_paths

BYTES_PER_WEIGHT = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1, "int4": 0.5 + 4 / 64}  # with a scale
_LONGEST_DESCRIPTION = 280
_LARGEST_NUMBER = 1e11  # of a run's step, perplexity or time (the year 5138): the largest that can be shown


@dataclass(frozen=True)
class TrainingInfo:
    """Progress and results of a run folder.

    Attributes:
        step, total_steps: progress; the total is None if the run did not record it.
        state: from status.json: running, finished, ...
        best_val_perplexity, general_perplexity: at the best evaluation; None if there was none.
        started: seconds since the epoch; None if unknown.
        base: name of the model that it started with.
    """

    step: int
    total_steps: int | None
    state: str
    best_val_perplexity: float | None
    general_perplexity: float | None
    started: float | None
    base: str


@dataclass(frozen=True)
class ModelInfo:
    """A model folder at a glance.

    Attributes:
        folder: as it was given; of a run, the run folder.
        weights_folder: the folder, or of a run its best checkpoint.
        name: name of the model.
        kind: "complete", "adapter" or "run".
        config: sizes, as the tensors have them (of an adapter, those of its base).
        file_bytes: size of all files of the weights' folder; of an adapter without its base.
        layout: "safetensors" or "public" (a pickle).
        dtype: of the weights on disk, such as "float16".
        licence: "" if not stated.
        source: repository that it was downloaded from, or "".
        description: a sentence or two from its README or config.json, or "".
        base: of an adapter, the folder of the model that it adds to; else None.
        training: of a run; else None.
        has_checksums: whether `i3core verify` can compare its files with checksums.
        unit: what a token of its vocabulary is called: "chunk", or "token" of byte-level BPE.
        kept: when it was made of a run, in seconds since 1970; None if it was not.
        note: the user's.
        warnings: what config.json says that the tensors contradict.
    """

    folder: Path
    weights_folder: Path
    name: str
    kind: str
    config: ModelConfig
    file_bytes: int
    layout: str
    dtype: str
    licence: str = ""
    source: str = ""
    description: str = ""
    base: Path | None = None
    training: TrainingInfo | None = None
    has_checksums: bool = False
    unit: str = "chunk"
    kept: float | None = None
    note: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        return self.config.parameters

    @property
    def hybrid_layers(self) -> int:
        return self.config.hybrid_layers

    @property
    def attention_layers(self) -> int:
        return self.config.attention_layers

    @property
    def d_model(self) -> int:
        return self.config.d_model

    @property
    def vocab_size(self) -> int:
        return self.config.vocab_size

    @property
    def window(self) -> int:
        return self.config.window

    def to_json(self) -> dict[str, Any]:
        content = asdict(self)
        sizes = content.pop("config") | {"blocks": blocks_text(self.config.kinds)}
        paths = {
            key: None if content[key] is None else str(content[key]) for key in ("folder", "weights_folder", "base")
        }
        memory = {precision: memory_bytes(self, precision) for precision in ("float32", "bfloat16", "int8", "int4")}
        return {**content, **paths, "parameters": self.parameters, **sizes, "memory_bytes": memory}


def inspect(folder: str | Path) -> ModelInfo:
    """Inspect a model, adapter or run folder.

    Raises CheckpointError if it is none of these, or so damaged that it would not load.
    """
    try:
        return _inspect(Path(folder))
    except OSError as error:
        path = error.filename or folder
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror or error}.", "Check its name and permissions."
        ) from error


def _inspect(folder: Path) -> ModelInfo:
    if not folder.is_dir():
        raise CheckpointError(f"There is no folder {folder}.", "It may have been deleted or moved.")
    is_run = registry.is_run(folder)
    weights_folder = registry.find(folder) if is_run else folder
    details = read_details(weights_folder)
    readme = _read_readme(weights_folder)
    sums = read_checksums(weights_folder)
    base = None
    name = details.get("name")
    if adapter_config.is_adapter(weights_folder):
        adapter, name = adapter_config.read_config(weights_folder)
        base, dtype = adapter.base, _adapter_dtype(weights_folder)
        base_details = read_details(base)
        config, _, _, warnings = _read_sizes(base, base_details)
        layout, licence = "safetensors", base_details.get("license")
    else:
        config, layout, dtype, warnings = _read_sizes(weights_folder, details)
        licence = details.get("license")
    if is_run:
        name = read_notes(folder)[0]
    if not isinstance(name, str) or not name:
        name = folder.resolve().name
    description = details.get("description")
    return ModelInfo(
        folder=folder,
        weights_folder=weights_folder,
        name=name,
        kind="run" if is_run else "adapter" if base else "complete",
        config=config,
        file_bytes=sum(path.stat().st_size for path in weights_folder.iterdir() if path.is_file()),
        layout=layout,
        dtype=dtype,
        licence=licence if isinstance(licence, str) and licence else readme["licence"],
        source=sums.source if sums else "",
        description=description if isinstance(description, str) and description else readme["description"],
        base=base,
        training=_read_training(folder) if is_run else None,
        has_checksums=sums is not None,
        unit=vocabulary_unit(tokenizer_path(base or weights_folder)),
        kept=_kept(details),
        note=read_notes(folder)[1],
        warnings=warnings,
    )


def _kept(details: dict) -> float | None:
    run = details.get("run")
    try:
        return datetime.fromisoformat(run["kept"]).timestamp() if isinstance(run, dict) else None
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def memory_bytes(facts: ModelInfo, precision: str) -> int:
    """Estimate the memory of the model during chat: weights, keys and values.

    In int8 and int4 the matrices of the linear layers have one byte or about half of one a weight, everything else
    four. The program itself and the peak of loading are not included. Raises ValueError for an unknown precision.
    """
    if precision not in BYTES_PER_WEIGHT:
        raise ValueError(f"unknown precision {precision!r}")
    config, each = facts.config, BYTES_PER_WEIGHT[precision]
    attending = sum(KINDS[kind].attends for kind in config.kinds)
    keys_and_values = 2 * attending * config.window * config.d_model
    if precision not in WEIGHT_BITS:
        return int(config.parameters * each) + keys_and_values * int(max(each, 2))
    head = config.vocab_size * config.d_model
    blocks = sum(KINDS[kind].linear_weights(config) for kind in config.kinds)
    rest = config.parameters - blocks - (0 if config.tie_embeddings else head)
    return int((blocks + head) * each) + 4 * rest + 4 * keys_and_values


def _read_sizes(folder: Path, details: dict) -> tuple[ModelConfig, str, str, tuple[str, ...]]:
    """Read sizes, layout, dtype of the weights, and warnings."""
    paths = weights_paths(folder)
    tokenizer_path(folder)
    layout, stored = "safetensors" if paths[0].suffix == ".safetensors" else "public", stored_tensors(*paths)
    if stored is not None:
        shapes = {name: tensor.shape for name, tensor in stored.items()}
        dtypes = {tensor.dtype for tensor in stored.values()}

        def head_is_embedding() -> bool:
            return same_bytes(stored["head.weight"], stored["embed.weight"])
    else:
        tensors = read_tensors(*paths, mmap=True)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        dtypes = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()}

        def head_is_embedding() -> bool:
            return bool((tensors["head.weight"].float() == tensors["embed.weight"].float()).all())

    config, warnings = config_from_shapes(shapes, details, head_is_embedding)
    check_shapes(shapes, config)
    return config, layout, " and ".join(sorted(dtypes)), warnings


def _adapter_dtype(folder: Path) -> str:
    path = folder / adapter_config.WEIGHT_FILE
    if not path.is_file():
        raise CheckpointError(f"The adapter {folder} has no weights ({path.name}).", adapter_config.AGAIN)
    return " and ".join(sorted({tensor.dtype for tensor in read_header(path).values()}))


def _read_readme(folder: Path) -> dict[str, str]:
    """Read licence and first paragraph from README.md, a model card of the hub."""
    found = {"licence": "", "description": ""}
    try:
        with open_file(folder / "README.md") as readme:
            text = readme.read(20_000).decode("utf-8", errors="replace")
    except OSError:
        return found
    header = re.match(r"---\r?\n(.*?)\r?\n---\r?\n", text, re.DOTALL)
    if header:
        text = text[header.end() :]
        licence = re.search(r"^license:\s*['\"]?([^'\"\s]+)", header[1], re.MULTILINE)
        found["licence"] = licence[1] if licence else ""
    for paragraph in re.split(r"\n\s*\n", text):
        if re.match(r"\s*([#>|<*\-!`]|\[!)", paragraph) and not re.match(r"\s*\*\*\w", paragraph):
            continue  # a heading, quotation, table, list, picture or code
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)
        plain = " ".join(re.sub(r"[*`]", "", plain).split())
        if plain:
            found["description"] = _shortened(plain)
            break
    return found


def _shortened(text: str) -> str:
    """Shorten to whole sentences if possible, else with an ellipsis."""
    if len(text) <= _LONGEST_DESCRIPTION:
        return text
    cut = text[:_LONGEST_DESCRIPTION]
    end = cut.rfind(". ")
    return cut[: end + 1] if end > 60 else cut.rsplit(" ", 1)[0] + "…"


def _read_training(folder: Path) -> TrainingInfo:
    def content(name: str) -> dict:
        try:
            parsed = read_json(folder / name)
        except I3Error:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def number(value: object) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if 0 <= value <= _LARGEST_NUMBER else None

    run, status = content("run.json"), content("status.json")
    best: dict[str, Any] = {}
    total = None
    try:
        with open_file(folder / "metrics.jsonl") as lines:
            for line in lines:
                if b'"total_steps"' in line and total is None:
                    total = _record(line).get("total_steps")
                if b'"val_perplexity"' not in line:
                    continue
                record = _record(line)
                value = number(record.get("val_perplexity"))
                if value is not None and record.get("step") and value < best.get("val_perplexity", float("inf")):
                    best = record
    except OSError:
        pass
    return TrainingInfo(
        step=int(number(status.get("step")) or 0),
        total_steps=total if isinstance(number(total), int) else None,
        state=str(status.get("state", "")),
        best_val_perplexity=number(best.get("val_perplexity")),
        general_perplexity=number(best.get("general_perplexity")),
        started=number(run.get("started")),
        base=str(run.get("model", "")),
    )


def _record(line: bytes) -> dict:
    try:
        record = json.loads(line)
    except ValueError:  # cut short by a crash
        return {}
    return record if isinstance(record, dict) else {}
