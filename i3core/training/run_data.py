"""The data of a run: training, validation and retention sequences, and the batches of each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..data.batches import WeightedDataset, choose_sequences
from ..data.cache import content_hash
from ..data.composition import Composition
from ..data.exchanges import find_contradictions
from ..data.hub_dataset import fetch_dataset
from ..data.reading import Reading
from ..data.report import DataReport
from ..data.sources import data_files, parse_source
from ..data.split import split, without
from ..data.token_dataset import TokenDataset, tokenize_source
from ..errors import DataError, I3Error, TrainingError
from ..evaluation.conversation_check import ConversationCheck, make_check
from ..net.dataset_name import DataSource, HubDataset, dataset_location
from ..runs.events import DataRead
from ..system import assets
from ..system.distributed import World
from ..text.chat_template import ChatTemplate
from .config import TrainingConfig, parse_replay, share_for
from .replay import Replay

ReadProgress = Callable[[str, int], None]  # what is being read, and how many more characters of it
Items = list[tuple[int, int]]  # (dataset, sequence) of each sequence of a batch
RETENTION_DATA = "data/general.txt"
VARIED_TOKENS = 200_000  # of training data, up to which questions are varied
# Training data is everyday talk in a style of its own if so many of its questions are among those that are replayed,
# and if it has so many replies for each question.
EVERYDAY, OWN_WAY = 0.25, 0.6
FEWEST_HELD_OUT = 4  # sequences of the data that questions are taken from; by fewer no checkpoint can be judged
NOTED_COPIES = 20  # copies are reported if they are more than one in so many records
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
        composition: how rows are made of them, and what is replayed.
        validation: held-out data of the same kind.
        retention: text unrelated to the data, which shows forgetting.
        reports: what was read.
        check: what is asked at each evaluation; None from scratch, or if the data has no exchanges.
        findings: (what, remedy) of what is doubtful about the data.
    """

    training: list[WeightedDataset]
    composition: Composition
    validation: EvaluationSet
    retention: EvaluationSet
    reports: tuple[DataRead, ...]
    check: ConversationCheck | None = None
    findings: tuple[tuple[str, str], ...] = ()

    @property
    def replay(self) -> dict:
        """The replay as run.json describes it."""
        files = [Path(part.sequences.report.file).name for part in self.composition.replay]
        return {"files": files, "share": self.composition.replay_share}

    @property
    def tokens_per_epoch(self) -> int:
        """Tokens of the training data that an epoch reads, without replay."""
        return int(sum(part.sequences.tokens * part.weight for part in self.training))


def load_data(
    config: TrainingConfig,
    template: ChatTemplate,
    window: int,
    replay: Replay,
    world: World,
    progress: ReadProgress | None,
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
                data = _load_data(config, template, window, replay, progress)
            except I3Error as error:
                failure = error
        if world.summed([failure is not None])[0]:  # the other processes end, too, and leave the message to this one
            raise failure or SystemExit(1)
    assert data is not None
    return data


def _load_data(
    config: TrainingConfig, template: ChatTemplate, window: int, replay: Replay, progress: ReadProgress | None
) -> RunData:
    reports: list[DataRead] = []

    def read(path: Path | HubDataset, role: str) -> TokenDataset:
        count = None if progress is None else partial(progress, f"reading {path.name}")
        how = Reading() if role == "general" else reading_of(config)
        dataset = tokenize_source(path, template, window, config.skip_bad_records, count, reading=how)
        reports.append(_as_event(dataset.report, role))
        return dataset

    def chosen(datasets: list[TokenDataset], tokens: int) -> EvaluationSet:
        return EvaluationSet(datasets, choose_sequences(datasets, tokens, config.seed))

    sources = [parse_source(argument) for argument in config.data]
    datasets = [read(path, "training") for path, _ in sources]
    validation = [read(dataset_location(config.val), "validation")] if config.val else []
    datasets, validation, findings = _apart(config, replay, datasets, validation)
    training = [WeightedDataset(dataset, weight) for dataset, (_, weight) in zip(datasets, sources, strict=True)]
    replayed = [read(dataset_location(file), "replay") for file in replay.files]
    location = retention_location(config) if config.eval_every else None
    retention = [read(location, "general")] if location else []
    composition = _composition(config, template, training, replayed, replay)
    check = None
    if config.model and config.eval_every:
        own, known = ([part.sequences for part in parts] for parts in (training, composition.replay))
        enough = config.val or sum(map(len, validation)) >= FEWEST_HELD_OUT
        asked = validation if enough else []
        check = make_check(template, asked, own, known, config.seed, composition.own_way)
    return RunData(
        training,
        composition,
        chosen(validation, config.eval_tokens),
        chosen(retention, min(RETENTION_TOKENS, config.eval_tokens)),
        tuple(reports),
        check,
        findings,
    )


def _apart(
    config: TrainingConfig, replay: Replay, datasets: list[TokenDataset], validation: list[TokenDataset]
) -> tuple[list[TokenDataset], list[TokenDataset], tuple[tuple[str, str], ...]]:
    """Training and validation data that have nothing in common, and findings about what they had."""
    findings = []
    if validation:
        validation, removed, total = without(validation, datasets)
        validation = [dataset for dataset in validation if len(dataset)]
        if removed:
            rest = "the others are used" if validation else "a share of the data is held out instead"
            findings.append(
                (
                    f"{removed:,} of {total:,} records of the validation data are also trained on.",
                    f"They are left out of the validation; {rest}. Name other data (--val) to validate on.",
                )
            )
    share = 0.0 if validation else config.val_share
    parts = split(datasets, share, f"{config.seed}")
    for earlier, later, count in parts.shared:
        one, other = config.data[earlier], config.data[later]
        findings.append(
            (
                f"{count:,} records of {other} are the same as records of {one}: they are trained on twice.",
                "Remove one of the two, unless this is meant. No copy of them is on both sides of the validation.",
            )
        )
    documents = sum(len(np.unique(dataset.documents)) for dataset in datasets)
    if not parts.shared and parts.repeated * NOTED_COPIES > documents:
        findings.append(
            (
                f"{parts.repeated:,} of {documents:,} records are duplicates of others.",
                "All copies are trained on; none of them is held out while another is trained on.",
            )
        )
    if replay.warning[0]:
        findings.append(replay.warning)
    return parts.training, validation or [part for part in parts.validation if len(part)], tuple(findings)


def _composition(
    config: TrainingConfig,
    template: ChatTemplate,
    training: list[WeightedDataset],
    replayed: list[TokenDataset],
    replay: Replay,
) -> Composition:
    """How rows are composed. Conversations that the training data contradicts are not replayed.

    If the training data is everyday talk itself, answered in its own way, nothing is replayed unless requested: half
    of the replies would be in the old style.
    """
    tokens = int(sum(part.sequences.tokens * part.weight for part in training))
    varies = config.variation == "on" or (
        config.variation == "auto" and config.most_exchanges > 1 and tokens <= VARIED_TOKENS
    )
    share = share_for(tokens) if replay.share is None else replay.share
    own_way = False
    if replayed:
        found = find_contradictions(template, [part.sequences for part in training], replayed)
        replayed = [dataset.subset(mask) for dataset, mask in zip(replayed, found.harmless, strict=True)]
        own_way = found.common >= EVERYDAY and found.own_replies >= OWN_WAY
        if replay.share is None and own_way:
            replayed = []
    parts = tuple(WeightedDataset(dataset) for dataset in replayed if len(dataset))
    return Composition(config.most_exchanges, parts, share if parts else 0.0, template if varies else None, own_way)


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

    def pinned(argument: str, how: Reading) -> str:
        if argument in ("", "none"):
            return argument
        source, weight = parse_source(argument)
        data = how.located(source)
        if isinstance(data, HubDataset):
            count = None if progress is None else partial(progress, f"getting {data.name}")
            data = fetch_dataset(data, count).pinned
        return _with_weight(data if isinstance(data, HubDataset) else data.absolute(), weight)

    how = reading_of(config)
    names = {"val": pinned(config.val, how), "general_val": pinned(config.general_val, Reading())}
    share, equals, replayed = config.replay.partition("=")
    names["replay"] = f"{share}{equals}{pinned(replayed, how)}"
    files = {key: _absolute(getattr(config, key)) for key in ("model", "tokenizer")}
    return dataclasses.replace(config, data=tuple(pinned(data, how) for data in config.data), **names, **files)


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
    how, replayed = reading_of(config), parse_replay(config.replay)[1]
    places = ((config.val, how), (config.general_val, Reading()), (replayed, how))
    named = [way.located(place) for place, way in places if place not in ("", "none")]
    return [how.located(parse_source(argument)[0]) for argument in config.data] + named


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


def unknown_share(reports: Sequence[DataRead]) -> float:
    """Share of `<UNK>` among the tokens of the training data."""
    training = [report for report in reports if report.role == "training"]
    tokens = sum(report.tokens for report in training)
    return sum(report.unknown_share * report.tokens for report in training) / max(1, tokens)
