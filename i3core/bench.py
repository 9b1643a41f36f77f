"""`i3core bench`: the speed of this machine, as ratios against the plain sequential implementation in the same run.

Besides both implementations it measures what the hardware allows: the memory bandwidth, which bounds decoding (every
weight but the embedding is read once a token), and the matrix products of a training step alone, which bound training.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from . import assets
from .checkpoint import Model, find_model
from .config import ModelConfig, preset
from .data import read_documents
from .device import DeviceChoice, choose_device, peak_memory_bytes
from .generation import Generator
from .model import I3Network
from .reference import sequential_encode, sequential_logits, sequential_loss
from .settings import TrainingConfig
from .template import ChatTemplate
from .tokenizer import ChunkTokenizer
from .training import Trainer


def seconds(run: Callable[[], object], repeats: int, device: DeviceChoice) -> float:
    """Median time of one call, after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        if device.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def random_model(config: ModelConfig, device: DeviceChoice) -> Model:
    """A model of these sizes with random weights and a vocabulary of numbers."""
    torch.manual_seed(0)
    tokenizer = ChunkTokenizer({"<UNK>": 0, **{f"#{i:06}": i for i in range(1, config.vocab_size)}})
    network = I3Network(config).to(device.name).eval()
    return Model(network, tokenizer, config, ChatTemplate.for_model(tokenizer), device, "random", None, {})


def memory_bandwidth(network: I3Network, repeats: int, device: DeviceChoice) -> float:
    """Bytes read per second when all the weights of `network`'s layers and head are added up, matrix by matrix."""
    weights = [p for name, p in network.named_parameters() if p.dim() == 2 and "embed" not in name]
    return sum(w.nbytes for w in weights) / seconds(lambda: [w.sum() for w in weights], repeats, device)


def decode_bytes(config: ModelConfig) -> int:
    """Bytes of float32 weights that decoding one token must read: all but the two embedding tables."""
    tables = (config.vocab_size + config.window) * config.d_model
    shared = config.vocab_size * config.d_model if config.tie_embeddings else 0
    return 4 * (config.parameters - tables + shared)


@torch.inference_mode()
def bench_decode(model: Model, quick: bool) -> dict:
    """Tokens per second when the window is nearly full, cached against recomputed."""
    window, device = model.config.window, model.device
    steps = 8 if quick else 32
    ids = torch.randint(1, model.config.vocab_size, (window,)).tolist()
    generator = Generator(model)

    def cached() -> None:
        generator.restore(start)
        for token in ids[window - steps :]:
            generator.step(token)

    generator.prefill(ids[: window - steps])
    start = generator.snapshot()
    fast = steps / seconds(cached, 3 if quick else 7, device)
    whole = torch.tensor([ids], device=device.name)
    plain = 1 / seconds(lambda: sequential_logits(model.network, whole), 2 if quick else 5, device)
    bandwidth = memory_bandwidth(model.network, 5 if quick else 15, device)
    limit = bandwidth / decode_bytes(model.config)
    return {
        "decode_tokens_per_second": fast,
        "decode_plain_tokens_per_second": plain,
        "decode_ratio": fast / plain,
        "memory_bandwidth_gb_per_second": bandwidth / 1e9,
        "decode_limit_tokens_per_second": limit,
        "decode_share_of_limit": fast / limit,
    }


@torch.inference_mode()
def bench_prefill(model: Model, quick: bool) -> dict:
    """Tokens per second of reading a whole window."""
    window = model.config.window
    ids = torch.randint(1, model.config.vocab_size, (1, window), device=model.device.name)
    network, device = model.network, model.device
    fast = window / seconds(lambda: network(ids, network.new_state(), last_only=True), 3 if quick else 7, device)
    plain = window / seconds(lambda: sequential_logits(network, ids), 2 if quick else 5, device)
    return {
        "prefill_tokens_per_second": fast,
        "prefill_plain_tokens_per_second": plain,
        "prefill_ratio": fast / plain,
    }


def training_products(config: ModelConfig, device: DeviceChoice, batch: int, quick: bool) -> float:
    """Seconds that only the matrix products of one training step take: forward, and twice as much backward."""
    rows = batch * config.window
    d, f = config.d_model, config.ffn_width
    shapes = [(d, f), (f, d)] * config.n_layers + [(d, config.vocab_size)]
    shapes += [(d, 3 * d), (d, d)] * config.attention_layers

    pairs = {}
    for inner, outer in set(shapes):
        x, w = torch.randn(rows, inner, device=device.name), torch.randn(outer, inner, device=device.name)
        pairs[inner, outer] = (x, w, torch.randn(rows, outer, device=device.name))

    def products() -> None:
        for shape in shapes:
            x, w, grad = pairs[shape]
            torch.nn.functional.linear(x, w)
            grad @ w
            grad.T @ x

    return seconds(products, 2 if quick else 3, device)


def bench_training(model: Model, quick: bool, batch: int = 4) -> dict:
    """Tokens per second of whole training steps (batch x window), in the device's automatic precision."""
    config, device = model.config, model.device
    ids = torch.randint(1, config.vocab_size, (batch, config.window), device=device.name)
    settings = TrainingConfig(data=("-",), out="-", model="-", public_recipe=True)
    trainer = Trainer(model.network, settings, device, 1000)
    tokens = batch * config.window
    fast = tokens / seconds(lambda: trainer.step(10, [(ids, ids)]), 1 if quick else 3, device)

    optimizer = torch.optim.AdamW(model.network.parameters(), lr=3e-4)

    def plain_step() -> None:
        sequential_loss(model.network, ids, ids).backward()
        torch.nn.utils.clip_grad_norm_(model.network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    plain = tokens / seconds(plain_step, 1 if quick else 2, device)
    limit = tokens / training_products(config, device, batch, quick)
    return {
        "training_tokens_per_second": fast,
        "training_plain_tokens_per_second": plain,
        "training_ratio": fast / plain,
        "training_limit_tokens_per_second": limit,
        "training_share_of_limit": fast / limit,
    }


def bench_tokenizer(quick: bool) -> dict:
    """Characters per second of the bundled model's tokenizer on ordinary English."""
    documents = read_documents(assets.path("data/small-talk.jsonl"))
    text = "\n".join(text for document in documents for text in document.texts)
    tokenizer = ChunkTokenizer.from_file(find_model(None) / "tokenizer.json")
    cpu, repeats = choose_device("cpu"), 3 if quick else 9
    fast = len(text) / seconds(lambda: tokenizer.encode(text), repeats, cpu)
    plain = len(text) / seconds(lambda: sequential_encode(tokenizer, text), repeats, cpu)
    return {
        "tokenizer_characters_per_second": fast,
        "tokenizer_plain_characters_per_second": plain,
        "tokenizer_ratio": fast / plain,
    }


def run_bench(preset_name: str = "i3-80m", quick: bool = False) -> dict:
    """All figures for a preset with random weights, as plain numbers. Raises ConfigError for an unknown preset."""
    config = preset(preset_name)
    device = choose_device()
    model = random_model(config, device)
    return {
        "preset": preset_name,
        "parameters": config.parameters,
        "window": config.window,
        "device": device.describe(),
        **bench_decode(model, quick),
        **bench_prefill(model, quick),
        **bench_training(model, quick),
        **bench_tokenizer(quick),
        "peak_memory_bytes": torch.cuda.max_memory_allocated() if device.is_cuda else peak_memory_bytes(),
    }


def report(figures: dict) -> str:
    """The figures of `run_bench` as a table."""
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
    lines += [
        f"{'tokenizer, chars/s':20} {figures['tokenizer_characters_per_second']:10,.0f} "
        f"{figures['tokenizer_plain_characters_per_second']:10,.0f} {figures['tokenizer_ratio']:7.1f}x",
        "",
        f"memory bandwidth {figures['memory_bandwidth_gb_per_second']:.1f} GB/s (limit of decoding in float32); "
        "the limit of training is its matrix products alone",
        f"peak memory {figures['peak_memory_bytes'] / 1e9:.2f} GB",
    ]
    return "\n".join(lines)
