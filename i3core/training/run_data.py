"""The data of a run: training, validation and retention sequences, and the batches of each step."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from ..data.batches import WeightedDataset, choose_sequences, make_batch, padded_width, plan_epoch
from ..data.cache import content_hash
from ..data.hub_dataset import fetch_dataset
from ..data.reading import Reading
from ..data.report import DataReport
from ..data.sources import data_files, parse_source
from ..data.token_dataset import TokenDataset, tokenize_source
from ..errors import DataError, I3Error, TrainingError
from ..net.dataset_name import DataSource, HubDataset, dataset_location
from ..runs.events import DataRead
from ..system import assets
from ..system.distributed import World
from ..text.chat_template import ChatTemplate
from .config import TrainingConfig

ReadProgress = Callable[[str, int], None]  # what is being read, and how many more characters of it
Items = list[tuple[int, int]]  # (dataset, sequence) of each sequence of a batch
RETENTION_DATA = "data/general.txt"
RETENTION_TOKENS = 20_000  # of the retention set, at each evaluation


@dataclass(frozen=True)
class EvaluationSet:
    """Held-out sequences, and those of them that an evaluation reads.

    Attributes:
        datasets: empty if there is nothing to evaluate on.
        items: (dataset, sequence), sorted by length.
    """

    datasets: list[TokenDataset]
    items: Items

    @property
    def size(self) -> int:
        """Number of sequences in the datasets."""
        return sum(map(len, self.datasets))


@dataclass(frozen=True)
class RunData:
    """All sequences of a run.

    Attributes:
        training: datasets to learn from, with weights.
        validation: held-out data of the same kind.
        retention: text unrelated to the data, which shows forgetting.
        reports: what was read.
    """

    training: list[WeightedDataset]
    validation: EvaluationSet
    retention: EvaluationSet
    reports: tuple[DataRead, ...]


def load_data(
    config: TrainingConfig, template: ChatTemplate, window: int, world: World, progress: ReadProgress | None
) -> RunData:
    """Read all sources.

    On each machine one process tokenizes them; the others find the result in the cache.

    Raises DataError naming the file, line and reason.
    """
    data: RunData | None = None
    for turn in (0, 1):
        failure = None
        if (world.local_rank > 0) == bool(turn):
            try:
                data = _load_data(config, template, window, progress)
            except I3Error as error:
                failure = error
        if world.summed([failure is not None])[0]:  # the other processes end, too, and leave the message to this one
            raise failure or SystemExit(1)
    assert data is not None
    return data


def _load_data(config: TrainingConfig, template: ChatTemplate, window: int, progress: ReadProgress | None) -> RunData:
    reports: list[DataRead] = []

    def read(path: Path | HubDataset, role: str) -> TokenDataset:
        count = None if progress is None else partial(progress, f"reading {path.name}")
        how = Reading() if role == "general" else reading_of(config)
        dataset = tokenize_source(path, template, window, config.skip_bad_records, count, reading=how)
        reports.append(_as_event(dataset.report, role))
        return dataset

    def chosen(datasets: list[TokenDataset], tokens: int) -> EvaluationSet:
        return EvaluationSet(datasets, choose_sequences(datasets, tokens, config.seed))

    training, validation = [], []
    for number, argument in enumerate(config.data):
        path, weight = parse_source(argument)
        dataset = read(path, "training")
        if not config.val and config.val_share:
            dataset, held_out = dataset.split(config.val_share, f"{config.seed}/{number}")
            validation += [held_out] if len(held_out) else []
        training.append(WeightedDataset(dataset, weight))
    if config.val:
        validation = [read(dataset_location(config.val), "validation")]
    location = retention_location(config) if config.eval_every else None
    retention = [read(location, "general")] if location else []
    return RunData(
        training,
        chosen(validation, config.eval_tokens),
        chosen(retention, min(RETENTION_TOKENS, config.eval_tokens)),
        tuple(reports),
    )


def retention_location(config: TrainingConfig) -> Path | HubDataset | None:
    """The text that shows forgetting: the user's, or i3core's own when a model is fine-tuned."""
    if config.general_val == "none" or not (config.general_val or config.model):
        return None
    return dataset_location(config.general_val) if config.general_val else assets.path(RETENTION_DATA)


def reading_of(config: TrainingConfig) -> Reading:
    """How the run reads its data."""
    return Reading.parse(config.columns, config.encoding, config.i3_is)


def _as_event(report: DataReport, role: str) -> DataRead:
    names = {field.name for field in dataclasses.fields(DataRead)} - {"role", "unknown_share"}
    values = {name: getattr(report, name) for name in names}
    return DataRead(**values, role=role, unknown_share=report.unknown / max(1, report.tokens))


def fetch_data(config: TrainingConfig, progress: ReadProgress | None) -> TrainingConfig:
    """Fetch the datasets of the hub.

    Returns the configuration with their commits in the names and with absolute paths, so that the run means the same
    files wherever it is resumed. Raises DataError or DownloadError.
    """

    def pinned(argument: str) -> str:
        if argument in ("", "none"):
            return argument
        data, weight = parse_source(argument)
        if isinstance(data, HubDataset):
            count = None if progress is None else partial(progress, f"getting {data.name}")
            data = fetch_dataset(data, count).pinned
        return _with_weight(data if isinstance(data, HubDataset) else data.absolute(), weight)

    names = {key: pinned(getattr(config, key)) for key in ("val", "general_val")}
    files = {key: _absolute(getattr(config, key)) for key in ("model", "tokenizer")}
    return dataclasses.replace(config, data=tuple(map(pinned, config.data)), **names, **files)


def _with_weight(data: DataSource, weight: float) -> str:
    return str(data) if weight == 1 else f"{data}:{weight:g}"


def _absolute(place: str) -> str:
    """The absolute path of a file or folder; other names (of models) stay as they are."""
    return str(Path(place).absolute()) if place and Path(place).exists() else place


def moved_data(before: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """The data of a run to be resumed, at other places; each keeps its weight.

    Raises TrainingError if there are more or fewer, or other weights are given.
    """
    if len(before) != len(now):
        raise TrainingError(
            f"The run was started with {len(before)} sources of data, not {len(now)}.", "Name them all."
        )
    moved = []
    for old, new in zip(before, now, strict=True):
        place, weight = parse_source(new)
        kept = parse_source(old)[1]
        if weight not in (1, kept):
            raise TrainingError(
                f"A resumed run keeps the weights of its data, here {kept:g}.", f"Name {place} without one."
            )
        moved.append(_with_weight(place, kept))
    return tuple(moved)


def _sources(config: TrainingConfig) -> list[Path | HubDataset]:
    """Files, folders and datasets that the user named."""
    named = [dataset_location(place) for place in (config.val, config.general_val) if place not in ("", "none")]
    return [parse_source(argument)[0] for argument in config.data] + named


def check_run_folder(config: TrainingConfig) -> None:
    """Raise DataError if the run folder is inside a data folder: its files would be read as data."""
    for source in _sources(config):
        if isinstance(source, Path) and Path(config.out).resolve().is_relative_to(source.resolve()):
            raise DataError(
                f"The run folder {config.out} is inside {source}, which is read as data.",
                "Choose another folder with --out.",
            )


def describe_data(config: TrainingConfig) -> list[dict]:
    """Path, bytes and SHA-256 of every file that the run reads.

    For a dataset of the hub also its name there.
    """
    described = []
    for source in _sources(config):
        of_hub = fetch_dataset(source).describe() if isinstance(source, HubDataset) else {}
        described += [
            {"file": str(file), "bytes": file.stat().st_size, "sha256": content_hash(file), **of_hub}
            for file in data_files(source)
        ]
    return described


def check_unchanged(described: object, found: Sequence[dict]) -> None:
    """Raise TrainingError if the data of a run to be resumed has changed.

    `described` is "data" of its run.json.
    """
    before = [(entry.get("file"), entry.get("sha256")) for entry in described] if isinstance(described, list) else []
    now = [(entry["file"], entry["sha256"]) for entry in found]
    contents = [content for _, content in before]
    if before and contents != [content for _, content in now]:  # the same content may be at another place
        present = [content for _, content in now]
        changed = {name for name, content in now if content not in contents}
        changed |= {str(name) for name, content in before if content not in present}
        raise TrainingError(
            f"The data has changed since the run started: {', '.join(sorted(changed)[:3]) or 'its order'}.",
            "Restore it, or start a new run with --model RUN/checkpoints/last.",
        )


class StepBatches:
    """The batches of each step.

    They depend on seed and step alone, so a resumed run reads the same ones.

    Attributes:
        datasets: the training data.
        steps_per_epoch: optimiser steps in which all of it is read once.
    """

    def __init__(self, config: TrainingConfig, datasets: list[WeightedDataset], window: int) -> None:
        self.datasets, self._config, self._window = datasets, config, window
        self._epoch = -1
        self._start_epoch(0)
        self.steps_per_epoch = math.ceil(len(self._plan) / config.accumulate)

    def _start_epoch(self, epoch: int) -> None:
        if epoch != self._epoch:
            tokens, seed, shuffle = self._config.batch_size * self._window, self._config.seed, self._config.shuffle
            self._plan = plan_epoch(self.datasets, tokens, seed, epoch, shuffle)
            self._epoch = epoch

    def of_step(self, step: int) -> list[Items]:
        """The `accumulate` batches of `step`, which counts from 0."""
        self._start_epoch(step // self.steps_per_epoch)
        first = step % self.steps_per_epoch * self._config.accumulate
        return [self._plan[place % len(self._plan)] for place in range(first, first + self._config.accumulate)]

    def tensors(self, items: Items) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and targets of a batch, both (sequences, width)."""
        ids, targets = make_batch(self.datasets, items, self._config.loss_on == "assistant", self._window)
        return torch.from_numpy(ids), torch.from_numpy(targets)

    def tokens(self, items: Items) -> int:
        """Tokens of a batch without padding."""
        return sum(self.length(item) for item in items)

    def padded_tokens(self, items: Items) -> int:
        """Tokens of a batch with padding."""
        return len(items) * int(padded_width(max(self.length(item) for item in items)))

    def length(self, item: tuple[int, int]) -> int:
        """Predicted tokens of a sequence."""
        dataset, sequence = item
        return int(self.datasets[dataset].sequences.lengths[sequence]) - 1


def largest_batch(config: TrainingConfig, datasets: Sequence[WeightedDataset], window: int) -> tuple[int, int]:
    """Sequences and width of a batch as large as any of the run."""
    longest = max(int(part.sequences.lengths.max()) for part in datasets)
    width = min(window, padded_width(longest - 1))
    sequences = sum(math.ceil(len(part.sequences) * part.weight) for part in datasets)
    return max(1, min(config.batch_size * window // width, sequences)), width


def unknown_share(reports: Sequence[DataRead]) -> float:
    """Share of `<UNK>` among the tokens of the training data."""
    training = [report for report in reports if report.role == "training"]
    tokens = sum(report.tokens for report in training)
    return sum(report.unknown_share * report.tokens for report in training) / max(1, tokens)
