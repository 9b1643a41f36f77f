"""Sizes and parameter counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.errors import ConfigError
from i3core.model.config import PRESETS, ModelConfig, preset
from i3core.model.network import I3Network


@pytest.mark.parametrize(("vocab_size", "total"), [(41_320, 82_765_160), (35_560, 76_861_160)])
def test_i3_80m_has_the_published_total(vocab_size, total):
    assert preset("i3-80m", vocab_size=vocab_size).parameters == total


def test_i3_80m_has_the_published_sizes():
    config = PRESETS["i3-80m"]
    assert (config.d_model, config.n_heads, config.d_state, config.window, config.ffn_width) == (512, 16, 32, 256, 2048)
    assert (config.hybrid_layers, config.attention_layers, config.vocab_size) == (10, 6, 41_320)
    assert not config.tie_embeddings


def test_i3_22m_has_the_published_total():
    config = PRESETS["i3-22m"]
    assert config.parameters == pytest.approx(22_600_000, rel=1e-3)
    assert (config.hybrid_layers, config.attention_layers, config.d_model, config.vocab_size) == (24, 0, 512, 4_466)


@st.composite
def configs(draw):
    heads = draw(st.sampled_from([1, 2, 4]))
    return ModelConfig(
        vocab_size=draw(st.integers(1, 50)), d_model=heads * draw(st.integers(1, 6)), n_heads=heads,
        d_state=draw(st.integers(1, 9)), hybrid_layers=draw(st.integers(0, 3)),
        attention_layers=draw(st.integers(1, 3)), window=draw(st.integers(1, 20)),
        ffn_width=draw(st.integers(0, 30)), tie_embeddings=draw(st.booleans()),
    )  # fmt: skip


@given(configs())
def test_parameters_equal_those_of_a_real_network(config):
    assert config.parameters == sum(weight.numel() for weight in I3Network(config).parameters())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"d_model": 0}, "d_model"), ({"vocab_size": -1}, "vocab_size"), ({"window": 2.5}, "window"),
        ({"d_state": True}, "d_state"), ({"hybrid_layers": 0, "attention_layers": 0}, "layers"),
        ({"n_heads": 5}, "n_heads"), ({"attention_layers": 10_000}, "layers"),
    ],
)  # fmt: skip
def test_impossible_sizes_are_named(changes, word):
    with pytest.raises(ConfigError, match=word):
        preset("tiny", **changes)


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigError, match="i3-80m"):
        preset("i3-81m")


def test_sizes_may_follow_the_name_of_a_preset():
    config = preset("tiny, d_model=64,attention_layers=0,tie_embeddings=false", window=32)
    assert (config.d_model, config.attention_layers, config.tie_embeddings, config.window) == (64, 0, False, 32)
    assert config.ffn_width == 256
    assert preset("tiny,d_model=64,ffn_width=100").ffn_width == 100


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tiny,d_mode=64", "d_mode"),
        ("tiny,d_model=wide", "wide"),
        ("tiny,d_model", "d_model"),
        ("tiny,tie_embeddings=1", "tie_embeddings"),
        ("tiny,vocab_size=9", "vocab_size"),
        ("tiny,d_model=30", "n_heads"),
        ("tiny,", "''"),
    ],
)
def test_invalid_sizes_after_a_preset_are_refused(name, told):
    with pytest.raises(ConfigError, match=told):
        preset(name)
