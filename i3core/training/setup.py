"""Set-up of a run before its first step: model, data, and preflight checks."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from ..checkpoints import checkpoint
from ..data.sources import parse_source
from ..data.vocabulary import bpe_vocabulary, vocabulary
from ..errors import CheckpointError, DataError, TrainingError
from ..model.config import preset, preset_tokenizer
from ..model.lora import add_lora, train_last_blocks
from ..model.network import I3Network
from ..runs.folder import RunFolder
from ..system.device import DeviceChoice, choose_device, precision_warnings, training_precision
from ..system.distributed import World
from ..system.memory import available_memory_bytes, total_memory_bytes
from ..text.chat_template import SPECIAL_ROLES, ChatTemplate
from ..text.tokenizers import read_tokenizer, tokenizer_from_json
from .checkpointing import load_trainer_state
from .config import TrainingConfig
from .memory_estimate import block_matrices, estimate_memory, largest_micro_batch
from .preflight import PlannedRun, PreflightFinding, check_run
from .replay import Replay, find_replay
from .run_data import (
    ReadProgress,
    RunData,
    check_unchanged,
    describe_data,
    fetch_data,
    load_data,
    reading_of,
    unknown_share,
)  # fmt: skip
from .step_batches import StepBatches, largest_batch


@dataclass(frozen=True)
class PreparedRun:
    """Everything that a run needs before its first step.

    Attributes:
        config: with the commits of hub datasets in their names, and with the precision that was measured to be the
            faster on a CPU.
        world: the processes that train together.
        resumed: whether the run continues an earlier one.
        data_files: path and checksum of each file of the data, on rank 0.
        total_steps: optimiser steps of the whole run.
        trainable: number of weights that change.
        trainer_state: content of trainer.pt if the run continues from a checkpoint.
    """

    config: TrainingConfig
    run_folder: RunFolder
    world: World
    resumed: bool
    model: checkpoint.Model
    data: RunData
    data_files: list[dict]
    batches: StepBatches
    total_steps: int
    trainable: int
    preflight: PreflightReport
    trainer_state: dict | None

    @property
    def device(self) -> DeviceChoice:
        return self.model.device

    @property
    def largest_batch(self) -> tuple[int, int]:
        """Sequences and width of a batch as large as any of the run."""
        return largest_batch(self.config, self.data.training, self.model.config.window, self.data.composition)


def prepare(
    config: TrainingConfig, run_folder: RunFolder, resume: bool, world: World, progress: ReadProgress | None
) -> PreparedRun:
    """Fetch and read the data, build or load the model, and check that the run can work here.

    Raises TrainingError, DataError, CheckpointError, ConfigError or DeviceError with the remedy.
    """
    config = world.shared(world.attempt(lambda: fetch_data(config, progress)))
    saved = world.shared(world.attempt(lambda: load_trainer_state(run_folder))) if resume else None
    model = build_model(config, run_folder, world, saved is not None, progress)
    if model.device.name == "cpu":  # a resumed run is not measured again
        config = dataclasses.replace(config, precision=model.device.precision)
    window = model.config.window
    replay = world.shared(world.attempt(lambda: _find_replay(config, model)))
    data = load_data(config, model.template, window, replay, world, progress)
    data_files = describe_data(config) if world.is_main else []
    if resume:
        world.attempt(lambda: _check_unchanged(run_folder, data, data_files))
    batches = StepBatches(config, data.training, window, data.composition)
    total_steps = config.steps or max(1, round(config.epochs * batches.steps_per_epoch))
    trainable = sum(p.numel() for p in model.network.parameters() if p.requires_grad)
    preflight = check_before_start(config, model, trainable, data, batches.steps_per_epoch, total_steps, world)
    return PreparedRun(
        config, run_folder, world, resume, model, data, data_files, batches, total_steps, trainable, preflight, saved
    )


def _find_replay(config: TrainingConfig, model: checkpoint.Model) -> Replay:
    folders = [model.folder, None if model.adapter is None else model.adapter.base]
    with contextlib.suppress(CheckpointError):  # a resumed run may have lost its base
        folders.append(checkpoint.find_model(config.model) if config.model else None)
    return find_replay(config, folders, model.details)


def _check_unchanged(run_folder: RunFolder, data: RunData, data_files: list[dict]) -> None:
    described = run_folder.description()
    check_unchanged(described.get("data"), data_files)
    if described.get("replay", data.replay) != data.replay:
        raise TrainingError(
            "The conversations that this run replays are no longer the same.",
            "Put the model's folder back, or start a new run with --model RUN/checkpoints/last.",
        )


def build_model(
    config: TrainingConfig, run_folder: RunFolder, world: World, resumed: bool, progress: ReadProgress | None
) -> checkpoint.Model:
    """Build or load the model on this process's device and freeze what is not trained.

    Rank 0 reads it. The others get its sizes; DistributedDataParallel sends them its weights.
    """
    device = choose_device(world.device(config.device), config.precision)
    torch.manual_seed(config.seed)
    model = world.attempt(lambda: _read_model(config, run_folder, device, resumed, progress))
    parts = None
    if model is not None and world.size > 1:
        parts = (model.config, model.tokenizer.to_json(), model.template.to_json())
    parts = world.shared(parts)
    if model is None:
        sizes, vocabulary_json, template_json = parts
        tokenizer = tokenizer_from_json(vocabulary_json)
        template = ChatTemplate.for_model(tokenizer, template_json)
        model = checkpoint.Model(I3Network(sizes).to(device.name), tokenizer, sizes, template, device, "", None, {})
        if config.lora_rank:
            add_lora(model.network, config.lora_rank, config.adapter_alpha)
    if config.last_blocks:
        train_last_blocks(model.network, config.last_blocks)
    if config.precision == "auto" and device.name == "cpu" and not resumed:
        precision = world.shared(training_precision(model.config.d_model))
        device = dataclasses.replace(device, precision=precision)
    warnings = (*model.warnings, *precision_warnings(device, model.config.d_model))
    details = {**model.details, "name": Path(config.out).resolve().name}
    return dataclasses.replace(model, device=device, details=details, warnings=warnings)


def _read_model(
    config: TrainingConfig, run_folder: RunFolder, device: DeviceChoice, resumed: bool, progress: ReadProgress | None
) -> checkpoint.Model:
    if resumed and config.lora_rank:
        return checkpoint.load_adapter(run_folder.last, device.name, "float32")
    if resumed or config.model:
        model = checkpoint.load(run_folder.last if resumed else config.model, device.name, "float32")
        if config.lora_rank:
            checkpoint.check_adapter_base(model)
            add_lora(model.network, config.lora_rank, config.adapter_alpha)
        return model
    if config.tokenizer:
        tokenizer = read_tokenizer(config.tokenizer)
    else:
        sources = [parse_source(argument)[0] for argument in config.data]
        kind, size = preset_tokenizer(config.preset)
        size = size or config.max_vocab or preset(config.preset).vocab_size
        count = None if progress is None else partial(progress, f"counting {'chunks' if kind == 'chunk' else 'tokens'}")
        bad = _leave_out if config.skip_bad_records else None  # reported with the sequences
        if kind == "bpe":
            tokenizer, _ = bpe_vocabulary(
                sources, size, SPECIAL_ROLES, config.min_count, count, bad, reading_of(config)
            )
        else:
            tokenizer = vocabulary(sources, size, config.min_count, SPECIAL_ROLES, count, bad, reading_of(config))
    changes = {"window": config.window} if config.window else {}
    sizes = preset(config.preset, vocab_size=tokenizer.vocab_size, **changes)
    network = I3Network(sizes).to(device.name)
    template = ChatTemplate.for_model(tokenizer)
    return checkpoint.Model(network, tokenizer, sizes, template, device, config.preset, None, {})


def _leave_out(error: DataError) -> None:
    """Do nothing: bad records are counted when the file is tokenized."""


@dataclass(frozen=True)
class PreflightReport:
    """What was found before the first step.

    Attributes:
        findings: what is doubtful.
        memory_bytes: estimate for a step.
        micro_tokens: tokens of a batch that fit into memory at once; 0 for all.
    """

    findings: tuple[PreflightFinding, ...]
    memory_bytes: int
    micro_tokens: int


def check_before_start(
    config: TrainingConfig,
    model: checkpoint.Model,
    trainable: int,
    data: RunData,
    steps_per_epoch: int,
    total_steps: int,
    world: World,
) -> PreflightReport:
    """Check whether this run can work here.

    Raises TrainingError in plain words if it cannot.
    """
    sequences, width = largest_batch(config, data.training, model.config.window, data.composition)
    sequences = -(-sequences // world.size)
    optimizer = "adamw" if config.public_recipe else config.optimizer
    sizes = (model.config, trainable, optimizer)
    where = (model.device.precision, model.device.is_cuda)
    total, available, place = _memory(model, world)

    def needed(sequences: int) -> int:
        return estimate_memory(*sizes, sequences, width, *where)

    fitting = largest_micro_batch(*sizes, sequences, width, *where, available)
    training = [report for report in data.reports if report.role == "training"]
    replies_only = config.loss_on == "assistant"
    planned = PlannedRun(
        out=Path(config.out),
        parameters=model.parameters,
        trainable=trainable,
        optimizer=optimizer,
        lr=config.lr,
        documents=sum(report.records for report in training),
        tokens_per_epoch=data.tokens_per_epoch,
        replay_share=data.composition.replay_share,
        asks=data.check is not None,
        tokens_per_step=config.batch_size * config.accumulate * model.config.window,
        steps_per_epoch=steps_per_epoch,
        total_steps=total_steps,
        memory_bytes=needed(sequences),
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
        validation_sequences=data.validation.size,
        patience=config.patience,
        learned_tokens=sum(part.sequences.report.learned for part in data.training) if replies_only else None,
    )
    found = [*check_run(planned), *(PreflightFinding("data", what, remedy) for what, remedy in data.findings)]
    findings = [finding for finding in found if world.is_main or finding.kind != "disk"]  # rank 0 writes
    for finding in findings:
        if finding.fatal:
            raise TrainingError(finding.what, finding.remedy)
    return PreflightReport(tuple(findings), needed(fitting), 0 if fitting == sequences else fitting * width)


def _memory(model: checkpoint.Model, world: World) -> tuple[int, int, str]:
    """Total and available bytes where `model` is, and the name of that place.

    The weights, already loaded, count as available. Processes on one computer get equal parts of its memory.
    """
    if model.device.is_cuda:
        free, total = torch.cuda.mem_get_info(model.device.name)
        return total, free + torch.cuda.memory_allocated(model.device.name), model.device.label
    available = available_memory_bytes() // world.local_size + 4 * model.parameters
    return total_memory_bytes() // world.local_size, available, "this computer"
