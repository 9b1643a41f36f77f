"""What a run needs before its first step: the model, the data, and the answer to "can this work?"."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..checkpoints import checkpoint
from ..data.batches import WeightedDataset, padded_width
from ..data.cache import content_hash
from ..data.hub_dataset import fetch_dataset
from ..data.report import DataReport
from ..data.sources import data_files, parse_source
from ..data.token_dataset import TokenDataset, tokenize_source
from ..data.vocabulary import vocabulary
from ..errors import DataError, I3Error, TrainingError
from ..model.config import preset
from ..model.lora import add_lora, train_last_blocks
from ..model.network import I3Network
from ..net.dataset_name import HubDataset, dataset_location, is_hub_name
from ..runs.events import DataRead
from ..runs.folder import RunFolder
from ..system import assets
from ..system.device import DeviceChoice, choose_device
from ..system.distributed import World
from ..system.memory import available_memory_bytes, total_memory_bytes
from ..text.chat_template import SPECIAL_ROLES, ChatTemplate
from ..text.tokenizer import ChunkTokenizer
from .config import TrainingConfig
from .memory_estimate import block_matrices, estimate_memory, largest_micro_batch
from .preflight import DataFinding, Plan, check_run

Progress = Callable[[str, int], None]  # what is being read, and how many more characters of it
GENERAL_DATA = "data/general.txt"


@dataclass(frozen=True)
class RunData:
    """Rows of a run.

    Attributes:
        training: rows to learn from, with weights.
        held_out, general: rows to evaluate on; empty if there are none.
        reports: what was read.
    """

    training: list[WeightedDataset]
    held_out: list[TokenDataset]
    general: list[TokenDataset]
    reports: tuple[DataRead, ...]


def load_data(
    config: TrainingConfig, template: ChatTemplate, window: int, world: World, progress: Progress | None
) -> RunData:
    """Rows of all sources. On each machine one process cuts them into tokens, the others then find them in the cache.

    Raises DataError naming the file, line and reason.
    """
    for turn in (0, 1):
        failure = None
        if (world.local_rank > 0) == bool(turn):
            try:
                data = _load_data(config, template, window, progress)
            except I3Error as error:
                failure = error
        if world.summed([failure is not None])[0]:  # the others end, too, and leave the word to this one
            raise failure or SystemExit(1)
    return data


def _load_data(config: TrainingConfig, template: ChatTemplate, window: int, progress: Progress | None) -> RunData:
    reports: list[DataRead] = []

    def rows_of(path: Path | HubDataset, role: str) -> TokenDataset:
        count = None if progress is None else lambda characters: progress(f"reading {path.name}", characters)
        rows = tokenize_source(path, template, window, config.skip_bad_records, count)
        reports.append(_read(rows.report, role))
        return rows

    training, held_out = [], []
    for number, argument in enumerate(config.data):
        path, weight = parse_source(argument)
        rows = rows_of(path, "training")
        if not config.val and config.val_share:
            rows, rest = rows.split(config.val_share, f"{config.seed}/{number}")
            held_out += [rest] if len(rest) else []
        training.append(WeightedDataset(rows, weight))
    if config.val:
        held_out = [rows_of(dataset_location(config.val), "validation")]
    general = general_data(config) if config.eval_every else None
    return RunData(training, held_out, [rows_of(general, "general")] if general else [], tuple(reports))


def general_data(config: TrainingConfig) -> Path | HubDataset | None:
    """Text that shows forgetting: the user's, or that of i3core when a model is fine-tuned."""
    if config.general_val == "none" or not (config.general_val or config.model):
        return None
    return dataset_location(config.general_val) if config.general_val else assets.path(GENERAL_DATA)


def _read(report: DataReport, role: str) -> DataRead:
    names = {field.name for field in dataclasses.fields(DataRead)} - {"role", "unknown_share"}
    values = {name: getattr(report, name) for name in names}
    return DataRead(**values, role=role, unknown_share=report.unknown / max(1, report.tokens))


def fetch_data(config: TrainingConfig, progress: Progress | None) -> TrainingConfig:
    """Fetches what of the data is on the hub. Returns the configuration with the commits in the names, so that the run
    means the same data wherever it is resumed.

    Raises DataError or DownloadError.
    """

    def pinned(argument: str) -> str:
        if not is_hub_name(argument):
            return argument
        data, weight = parse_source(argument)
        count = None if progress is None else lambda characters: progress(f"getting {data.name}", characters)
        name = str(fetch_dataset(data, count).pinned)
        return name if weight == 1 else f"{name}:{weight:g}"

    names = {key: pinned(getattr(config, key)) for key in ("val", "general_val")}
    return dataclasses.replace(config, data=tuple(map(pinned, config.data)), **names)


def _sources(config: TrainingConfig) -> list[Path | HubDataset]:
    """Files, folders and data sets that the user named."""
    named = [dataset_location(place) for place in (config.val, config.general_val) if place not in ("", "none")]
    return [parse_source(argument)[0] for argument in config.data] + named


def check_run_folder(config: TrainingConfig) -> None:
    """Raises DataError if the run folder lies among the data: what it holds would be read as such."""
    for source in _sources(config):
        if isinstance(source, Path) and Path(config.out).resolve().is_relative_to(source.resolve()):
            raise DataError(
                f"The run folder {config.out} lies in {source}, which is read as data.", "Name another one with --out."
            )


def describe_data(config: TrainingConfig) -> list[dict]:
    """Every file that the run reads: its path, bytes and SHA-256; of a data set of the hub also what it is there."""
    described = []
    for source in _sources(config):
        of_hub = fetch_dataset(source).describe() if isinstance(source, HubDataset) else {}
        described += [
            {"file": str(file), "bytes": file.stat().st_size, "sha256": content_hash(file), **of_hub}
            for file in data_files(source)
        ]
    return described


def check_unchanged(described: object, found: Sequence[dict]) -> None:
    """Raises TrainingError if the data of a run to be resumed is no longer what it was."""
    before = {entry.get("file"): entry.get("sha256") for entry in described} if isinstance(described, list) else {}
    now = {entry["file"]: entry["sha256"] for entry in found}
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if before and changed:
        raise TrainingError(
            f"The data has changed since the run began: {', '.join(map(str, changed[:3]))}.",
            "Put it back as it was, or start a new run with --model RUN/checkpoints/last.",
        )


def build_model(
    config: TrainingConfig, run: RunFolder, world: World, resumed: bool, progress: Progress | None
) -> checkpoint.Model:
    """The model to train on this process's device, with what stays frozen frozen. Rank 0 reads it, the others get its
    sizes (DistributedDataParallel hands them its weights)."""
    device = choose_device(world.device(config.device), config.precision)
    torch.manual_seed(config.seed)
    model = world.attempt(lambda: _read_model(config, run, device, resumed, progress))
    parts = None
    if model is not None and world.size > 1:
        parts = (model.config, model.tokenizer.to_json(), model.template.to_json())
    parts = world.shared(parts)
    if model is None:
        sizes, vocabulary_json, template_json = parts
        tokenizer = ChunkTokenizer(vocabulary_json["chunk_to_idx"], vocabulary_json.get("special_tokens"))
        template = ChatTemplate.for_model(tokenizer, template_json)
        model = checkpoint.Model(I3Network(sizes).to(device.name), tokenizer, sizes, template, device, "", None, {})
        if config.lora_rank:
            add_lora(model.network, config.lora_rank, config.adapter_alpha)
    if config.last_blocks:
        train_last_blocks(model.network, config.last_blocks)
    name = Path(config.out).resolve().name
    return dataclasses.replace(model, device=device, details={**model.details, "name": name})


def _read_model(
    config: TrainingConfig, run: RunFolder, device: DeviceChoice, resumed: bool, progress: Progress | None
) -> checkpoint.Model:
    if resumed and config.lora_rank:
        return checkpoint.load_adapter(run.last, device.name, "float32")
    if resumed or config.model:
        model = checkpoint.load(run.last if resumed else config.model, device.name, "float32")
        if config.lora_rank:
            checkpoint.check_adapter_base(model)
            add_lora(model.network, config.lora_rank, config.adapter_alpha)
        return model
    if config.tokenizer:
        tokenizer = ChunkTokenizer.from_file(config.tokenizer)
    else:
        sources = [parse_source(argument)[0] for argument in config.data]
        size = config.max_vocab or preset(config.preset).vocab_size
        count = None if progress is None else lambda characters: progress("counting chunks", characters)
        bad = _leave_out if config.skip_bad_records else None  # they are told with the rows
        tokenizer = vocabulary(sources, size, config.min_count, SPECIAL_ROLES, count, bad)
    changes = {"window": config.window} if config.window else {}
    sizes = preset(config.preset, vocab_size=tokenizer.vocab_size, **changes)
    network = I3Network(sizes).to(device.name)
    template = ChatTemplate.for_model(tokenizer)
    return checkpoint.Model(network, tokenizer, sizes, template, device, config.preset, None, {})


def _leave_out(error: DataError) -> None:
    """Nothing: a record that cannot be used is counted when its file becomes rows."""


@dataclass(frozen=True)
class Preflight:
    """What was found before the first step.

    Attributes:
        findings: what is doubtful.
        memory_bytes: estimate for a step.
        micro_tokens: tokens of a batch that fit into memory at once; 0 for all.
    """

    findings: tuple[DataFinding, ...]
    memory_bytes: int
    micro_tokens: int


def check_before_start(
    config: TrainingConfig, model: checkpoint.Model, data: RunData, steps_per_epoch: int, total_steps: int, world: World
) -> Preflight:
    """Whether this run can work here. Raises TrainingError in plain words if it cannot."""
    trainable = sum(p.numel() for p in model.network.parameters() if p.requires_grad)
    rows, width = largest_batch(config, data, model.config.window)
    rows = -(-rows // world.size)
    optimizer = "adamw" if config.public_recipe else config.optimizer
    sizes = (model.config, trainable, optimizer)
    where = (model.device.precision, model.device.is_cuda)
    total, available, place = _memory(model, world)

    def needed(rows: int) -> int:
        return estimate_memory(*sizes, rows, width, *where)

    fitting = largest_micro_batch(*sizes, rows, width, *where, available)
    training = [report for report in data.reports if report.role == "training"]
    tokens = int(sum(part.sequences.tokens * part.weight for part in data.training))
    plan = Plan(
        out=Path(config.out),
        parameters=model.parameters,
        trainable=trainable,
        optimizer=optimizer,
        lr=config.lr,
        documents=sum(report.records for report in training),
        tokens_per_epoch=tokens,
        tokens_per_step=config.batch_size * config.accumulate * model.config.window,
        steps_per_epoch=steps_per_epoch,
        total_steps=total_steps,
        memory_bytes=needed(rows),
        memory_available=available,
        memory_total=total,
        memory_least_bytes=needed(1),
        memory_place=place,
        matrices=block_matrices(model.config),
        public_recipe=config.public_recipe,
        fine_tuning=bool(config.model),
        lora=bool(config.lora_rank),
        unknown_share=unknown_share(data.reports),
        evaluates=bool(config.eval_every),
        held_out_rows=sum(len(rows) for rows in data.held_out),
        patience=config.patience,
        learned_tokens=sum(part.sequences.report.learned for part in data.training)
        if config.loss_on == "assistant"
        else None,
    )
    findings = [finding for finding in check_run(plan) if world.is_main or finding.kind != "disk"]  # which it writes
    for finding in findings:
        if finding.fatal:
            raise TrainingError(finding.what, finding.remedy)
    return Preflight(tuple(findings), needed(fitting), 0 if fitting == rows else fitting * width)


def _memory(model: checkpoint.Model, world: World) -> tuple[int, int, str]:
    """Bytes in all and available (with what the weights take already) where `model` is, and what people call that.

    Processes that share a computer's memory get equal parts of it.
    """
    if model.device.is_cuda:
        free, total = torch.cuda.mem_get_info(model.device.name)
        return total, free + torch.cuda.memory_allocated(model.device.name), model.device.label
    available = available_memory_bytes() // world.local_size + 4 * model.parameters
    return total_memory_bytes() // world.local_size, available, "this computer"


def largest_batch(config: TrainingConfig, data: RunData, window: int) -> tuple[int, int]:
    """Rows and width of a batch as large as any of the run."""
    longest = max(int(part.sequences.lengths.max()) for part in data.training)
    width = min(window, padded_width(longest - 1))
    rows = sum(math.ceil(len(part.sequences) * part.weight) for part in data.training)
    return max(1, min(config.batch_size * window // width, rows)), width


def unknown_share(reports: Sequence[DataRead]) -> float:
    """Share of `<UNK>` among the tokens of the training data."""
    training = [report for report in reports if report.role == "training"]
    tokens = sum(report.tokens for report in training)
    return sum(report.unknown_share * report.tokens for report in training) / max(1, tokens)
