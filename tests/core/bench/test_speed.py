"""What `i3core bench` says about the precisions of a CPU."""

import pytest

from i3core.bench.speed import bench_decode, bench_prefill, other_precisions, random_model, report, weight_bytes
from i3core.model.config import preset
from i3core.system.device import choose_device


@pytest.fixture(scope="module")
def tiny():
    return random_model(preset("tiny"), choose_device("cpu"))


def test_precisions_are_compared_in_the_same_run(tiny):
    figures = bench_decode(tiny, quick=True)
    native = ["float32 by torch"] if tiny.network.has_native_step() else []  # its layers are too narrow for the others
    assert list(figures["decode_in"]) == ["bfloat16", "int8", *native]
    for row in figures["decode_in"].values():
        ratio = row["tokens_per_second"] / figures["decode_tokens_per_second"]
        assert row["ratio_to_float32"] == pytest.approx(ratio)
    figures = {
        **figures, **bench_prefill(tiny, quick=True), "preset": "tiny", "parameters": 1, "window": 64,
        "device": "CPU", "training_tokens_per_second": 1, "training_plain_tokens_per_second": 1, "training_ratio": 1,
        "tokenizer_characters_per_second": 1, "tokenizer_plain_characters_per_second": 1, "tokenizer_ratio": 1,
        "peak_memory_bytes": 1,
    }  # fmt: skip
    lines = report(figures).splitlines()
    (int8,) = [line for line in lines if line.startswith("int8 ") and "by torch" not in line]
    assert f"{figures['decode_in']['int8']['ratio_to_float32']:.2f}x" in int8
    assert sum(line.startswith(("float32 ", "bfloat16 ")) and "by torch" not in line for line in lines) == 2


def test_weight_bytes_count_int8_matrices_and_their_scales(tiny):
    network, config = tiny.network, tiny.config
    int8 = other_precisions(tiny)["int8"].network
    assert weight_bytes(network) == 4 * config.parameters
    linear = [layer for layer in int8.modules() if hasattr(layer, "values")]
    matrices = sum(layer.in_features * layer.out_features for layer in linear)
    scales = 2 * sum(layer.out_features for layer in linear)
    head = 4 * config.vocab_size * config.d_model  # tied: the embedding stays beside the head's int8
    assert weight_bytes(int8) == 4 * config.parameters - 4 * matrices + head + matrices + scales
