"""`i3core bench`: speed of this machine, as ratios to the plain sequential implementation in the same run.

It also measures what the hardware allows: the memory bandwidth, which limits decoding (every weight but the embeddings
is read once a token), and the matrix products of a training step alone, which limit training. On a CPU, decoding is
measured in bfloat16 and int8 too, as ratios to float32 in the same run.
"""

from __future__ import annotations

import copy
import dataclasses
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch

from ..checkpoints.checkpoint import Model, find_model
from ..data.documents import read_documents
from ..errors import DeviceError
from ..generation.config import SamplingConfig
from ..generation.generator import Generator
from ..generation.sampling import choose
from ..model.block_kinds import KINDS
from ..model.config import ModelConfig, preset
from ..model.network import I3Network
from ..model.quantization import QuantizedLinear, quantize
from ..model.reference import sequential_logits, sequential_loss
from ..system import assets
from ..system.device import WEIGHT_BITS, DeviceChoice, choose_device, keep_freed_memory, peak_memory_bytes
from ..system.humanize import size_text
from ..text.chat_template import ChatTemplate
from ..text.reference import sequential_encode
from ..text.tokenizer import ChunkTokenizer
from ..training.config import TrainingConfig
from ..training.step import TrainStep


def seconds(runs: Sequence[Callable[[], object]], rounds: int, device: DeviceChoice) -> list[float]:
    """Median seconds of one call of each function, after a warm-up round.

    The functions alternate, so that drifting machine speed affects all of them alike.
    """
    times: list[list[float]] = []
    for _ in range(rounds + 1):
        times.append([])
        for run in runs:
            start = time.perf_counter()
            run()
            if device.is_cuda:
                torch.cuda.synchronize()
            times[-1].append(time.perf_counter() - start)
    return [statistics.median(column) for column in zip(*times[1:], strict=True)]


def random_model(config: ModelConfig, device: DeviceChoice) -> Model:
    """Build a model of these sizes with random weights and a vocabulary of numbers."""
    torch.manual_seed(0)
    tokenizer = ChunkTokenizer({"<UNK>": 0, **{f"#{i:06}": i for i in range(1, config.vocab_size)}})
    network = I3Network(config).to(device.name).eval()
    return Model(network, tokenizer, config, ChatTemplate.for_model(tokenizer), device, "random", None, {})


def decode_bytes(config: ModelConfig) -> int:
    """Bytes of float32 weights that decoding a token reads: all but the two embedding tables."""
    tables = (config.vocab_size + config.window) * config.d_model
    shared = config.vocab_size * config.d_model if config.tie_embeddings else 0
    return 4 * (config.parameters - tables + shared)


def weight_bytes(network: I3Network) -> int:
    """Bytes of all weights, including int8 and int4 ones."""
    whole = [layer for layer in network.modules() if isinstance(layer, QuantizedLinear)]
    return sum(weight.nbytes for weight in network.parameters()) + sum(layer.nbytes for layer in whole)


def other_precisions(model: Model) -> dict[str, Model]:
    """The same model in the other precisions of a CPU, and without the compiled step, by name; empty on a GPU."""
    if model.device.is_cuda:
        return {}
    models = {
        name: dataclasses.replace(model, device=choose_device("cpu", name)) for name in ("bfloat16", *WEIGHT_BITS)
    }
    for name, bits in WEIGHT_BITS.items():
        try:
            models[name].network = quantize(copy.deepcopy(model.network), bits)
        except DeviceError:  # not for this kind of model, or without the compiled step
            del models[name]
    for name, other in {"float32": model, "int8": models["int8"]}.items():
        if not other.network.has_native_step():
            continue
        by_torch = models[f"{name} by torch"] = dataclasses.replace(other, network=copy.copy(other.network))
        by_torch.network.uses_native_step = False
    return models


@torch.inference_mode()
def bench_decode(model: Model, quick: bool) -> dict:
    """Measure tokens per second in a nearly full window, cached and recomputed. Cached ones are chosen, too."""
    window, device = model.config.window, model.device
    steps, sampling = 8 if quick else 32, SamplingConfig()
    ids = torch.randint(1, model.config.vocab_size, (window,)).tolist()

    def cached(model: Model) -> Callable[[], None]:
        generator = Generator(model)
        generator.prefill(ids[: window - steps])
        snapshot = generator.snapshot()

        def decode() -> None:
            generator.restore(snapshot)
            for token in ids[window - steps :]:
                logits = generator.step(token)
                choose(logits.float().cpu().numpy(), ids, sampling, 0.5)  # what follows is given, for equal work

        return decode

    whole = torch.tensor([ids], device=device.name)
    weights = [p for name, p in model.network.named_parameters() if p.dim() == 2 and "embed" not in name]

    def read_weights() -> None:  # a sum is the cheapest operation that reads them all
        for _ in range(steps):
            for weight in weights:
                weight.sum()

    logits = np.random.default_rng(0).standard_normal(model.config.vocab_size, np.float32)

    def choose_tokens() -> None:
        for _ in range(steps):
            choose(logits, ids, sampling, 0.5)

    others = other_precisions(model)
    runs = [cached(model), lambda: sequential_logits(model.network, whole), read_weights, choose_tokens]
    runs += map(cached, others.values())
    cached_s, plain_s, read_s, choose_s, *other_s = seconds(runs, 3 if quick else 9, device)
    bandwidth = steps * sum(w.nbytes for w in weights) / read_s
    fast, limit = steps / cached_s, bandwidth / decode_bytes(model.config)
    return {
        "decode_tokens_per_second": fast,
        "decode_plain_tokens_per_second": 1 / plain_s,
        "decode_ratio": fast * plain_s,
        "sampling_share_of_decode": choose_s / cached_s,
        "memory_bandwidth_gb_per_second": bandwidth / 1e9,
        "decode_limit_tokens_per_second": limit,
        "decode_share_of_limit": fast / limit,
        "weight_bytes": weight_bytes(model.network),
        "decode_in": {
            precision: {
                "tokens_per_second": steps / taken,
                "ratio_to_float32": cached_s / taken,
                "weight_bytes": weight_bytes(other.network),
            }
            for (precision, other), taken in zip(others.items(), other_s, strict=True)
        },
    }


@torch.inference_mode()
def bench_prefill(model: Model, quick: bool) -> dict:
    """Measure tokens per second of the prefill of a whole window."""
    window = model.config.window
    ids = torch.randint(1, model.config.vocab_size, (1, window), device=model.device.name)
    network = model.network
    runs = [lambda: network(ids, network.new_state(), last_only=True), lambda: sequential_logits(network, ids)]
    fast_s, plain_s = seconds(runs, 3 if quick else 7, model.device)
    return {
        "prefill_tokens_per_second": window / fast_s,
        "prefill_plain_tokens_per_second": window / plain_s,
        "prefill_ratio": plain_s / fast_s,
    }


def training_products(config: ModelConfig, device: DeviceChoice, batch: int) -> Callable[[], None]:
    """Build a function that computes the matrix products of a training step: forward, and twice as many backward.

    These are the products of linear layers, of the state space's B and C, and of attention (scores and values).
    """
    tokens, heads = batch * config.window, batch * config.n_heads
    shapes = [(config.d_model, config.vocab_size)]
    shapes += [shape for kind in config.kinds for shape in KINDS[kind].products(config)]
    attending = sum(KINDS[kind].attends for kind in config.kinds)
    queries = torch.randn(heads, config.window, config.head_dim, device=device.name)
    scores = torch.randn(heads, config.window, config.window, device=device.name)

    pairs = {}
    for inner, outer in set(shapes):
        x, w = torch.randn(tokens, inner, device=device.name), torch.randn(outer, inner, device=device.name)
        pairs[inner, outer] = (x, w, torch.randn(tokens, outer, device=device.name))

    def products() -> None:
        for shape in shapes:
            x, w, grad = pairs[shape]
            torch.nn.functional.linear(x, w)
            _ = grad @ w
            _ = grad.T @ x
        for _ in range(attending):
            for _ in range(2):  # scores and their gradient
                _ = queries @ queries.mT
            for _ in range(4):  # values; gradients of queries, keys and values
                _ = scores @ queries

    return products


def bench_training(preset_name: str, quick: bool, batch: int = 4) -> dict:
    """Measure tokens per second of training steps (batch x window) in the device's automatic precision.

    Runs in a process of its own, whose memory allocation is set up as in `i3core train`.
    """
    keep_freed_memory()
    config, device = preset(preset_name), choose_device()
    model = random_model(config, device)
    ids = torch.randint(1, config.vocab_size, (batch, config.window), device=device.name)
    settings = TrainingConfig(data=("-",), out="-", model="-", public_recipe=True)
    train_step = TrainStep(model.network, settings, device, 1000)
    tokens = batch * config.window
    optimizer = torch.optim.AdamW(model.network.parameters(), lr=3e-4)

    def plain_step() -> None:
        sequential_loss(model.network, ids, ids).backward()
        torch.nn.utils.clip_grad_norm_(model.network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    runs = [lambda: train_step.step(10, [(ids, ids)]), plain_step, training_products(config, device, batch)]
    fast_s, plain_s, products_s = seconds(runs, 1 if quick else 7, device)
    return {
        "training_tokens_per_second": tokens / fast_s,
        "training_plain_tokens_per_second": tokens / plain_s,
        "training_ratio": plain_s / fast_s,
        "training_limit_tokens_per_second": tokens / products_s,
        "training_share_of_limit": products_s / fast_s,
        "peak_memory_bytes": _peak_memory_bytes(device),
    }


def _peak_memory_bytes(device: DeviceChoice) -> int:
    return torch.cuda.max_memory_allocated() if device.is_cuda else peak_memory_bytes()


def bench_tokenizer(quick: bool) -> dict:
    """Measure the bundled tokenizer's characters per second on English whose words it has seen before."""
    documents = read_documents(assets.path("data/small-talk.jsonl"))
    text = 5 * "\n".join(text for document in documents for text in document.texts)  # 200,000 characters
    tokenizer = ChunkTokenizer.from_file(find_model(None) / "tokenizer.json")
    vocabulary = {chunk: i for i, chunk in enumerate(tokenizer.chunks) if 1 <= len(chunk) <= 3}
    runs = [lambda: tokenizer.encode(text), lambda: sequential_encode(vocabulary, text)]
    fast_s, plain_s = seconds(runs, 5 if quick else 15, choose_device("cpu"))
    return {
        "tokenizer_characters_per_second": len(text) / fast_s,
        "tokenizer_plain_characters_per_second": len(text) / plain_s,
        "tokenizer_ratio": plain_s / fast_s,
    }


def run_bench(preset_name: str = "i3-80m", quick: bool = False) -> dict:
    """Measure a preset with random weights. Raises ConfigError for an unknown preset."""
    config = preset(preset_name)
    device = choose_device()
    model = random_model(config, device)
    figures = {
        "preset": preset_name,
        "parameters": config.parameters,
        "window": config.window,
        "device": device.describe(),
        **bench_decode(model, quick),
        **bench_prefill(model, quick),
        **bench_tokenizer(quick),
    }
    keep_freed_memory()  # before the child starts, whose torch reads this setting once
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
        training = child.submit(bench_training, preset_name, quick).result()
    peak = max(training["peak_memory_bytes"], _peak_memory_bytes(device))
    return {**figures, **training, "peak_memory_bytes": peak}


def report(figures: dict) -> str:
    """Format the figures of `run_bench` as a table."""
    lines = [
        f"{figures['preset']} ({figures['parameters']:,} parameters, random weights), window {figures['window']}",
        figures["device"],
        "",
        f"{'tokens per second':20} {'i3core':>10} {'plain':>10} {'ratio':>8} {'limit':>10} {'share':>7}",
    ]
    for key, name in {"decode": "decode, full window", "prefill": "prefill", "training": "training, batch 4"}.items():
        row = (
            f"{name:20} {figures[f'{key}_tokens_per_second']:10.1f} {figures[f'{key}_plain_tokens_per_second']:10.1f} "
        )
        row += f"{figures[f'{key}_ratio']:7.1f}x"
        if f"{key}_share_of_limit" in figures:
            row += f" {figures[f'{key}_limit_tokens_per_second']:10.1f} {figures[f'{key}_share_of_limit']:7.0%}"
        lines.append(row)
    tokenizer = (
        f"{'tokenizer, chars/s':20} {figures['tokenizer_characters_per_second']:10,.0f} "
        f"{figures['tokenizer_plain_characters_per_second']:10,.0f} {figures['tokenizer_ratio']:7.1f}x"
    )
    lines += [tokenizer, *_precision_lines(figures)]
    lines += [
        "",
        f"memory bandwidth {figures['memory_bandwidth_gb_per_second']:.1f} GB/s (limit of decoding in float32); "
        "the limit of training is its matrix products alone",
        f"choosing tokens is {figures['sampling_share_of_decode']:.1%} of decoding in float32",
        f"peak memory {size_text(figures['peak_memory_bytes'])}",
    ]
    return "\n".join(lines)


def _precision_lines(figures: dict) -> list[str]:
    if not figures["decode_in"]:
        return []
    float32 = {
        "tokens_per_second": figures["decode_tokens_per_second"],
        "ratio_to_float32": 1.0,
        "weight_bytes": figures["weight_bytes"],
    }
    rows = {"float32": float32, **figures["decode_in"]}
    return [
        "",
        f"{'decode, full window':20} {'tokens/s':>10} {'float32 =':>10} {'weights':>11}",
        *(
            f"{precision:20} {row['tokens_per_second']:10.1f} {row['ratio_to_float32']:9.2f}x "
            f"{size_text(row['weight_bytes']):>11}"
            for precision, row in rows.items()
        ),
    ]
