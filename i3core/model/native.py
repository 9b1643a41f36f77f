"""A step of decoding as one call of a small C library, where it was built for this machine.

`decode_step.c` is compiled when the package is built or installed (`packaging/native.py`), for several kinds of
processor. Without it, and for what it does not know, `network.py` decodes with torch: the same, more slowly.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import weakref
from collections.abc import Sequence
from ctypes import c_double, c_int64, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from .layers import FeedForward, Linear
from .state import KVCache, LayerState, MambaState

if TYPE_CHECKING:
    from .network import Block, I3Network

KINDS = ("generic", "avx2", "avx512", "vnni")  # of processors, from the slowest on
SUFFIX = ".dll" if sys.platform == "win32" else ".so"


class _Matrix(ctypes.Structure):
    _fields_ = [
        *((name, c_void_p) for name in ("values", "scale", "bias")),
        *((name, c_int64) for name in ("rows", "cols", "stride", "kind")),
    ]


class _Block(ctypes.Structure):
    _fields_ = [
        *((name, c_void_p) for name in ("ln1_weight", "ln1_bias", "ln2_weight", "ln2_bias")),
        *((name, c_void_p) for name in ("w_mix", "A", "B", "C", "D")),
        *((name, _Matrix) for name in ("qkv", "out", "widen", "narrow")),
    ]


class _Network(ctypes.Structure):
    _fields_ = [
        *((name, c_int64) for name in ("d_model", "d_state", "heads", "width", "window", "blocks", "threads")),
        ("eps", c_double),
        *((name, c_void_p) for name in ("embed", "positions", "ln_f_weight", "ln_f_bias")),
        ("head", _Matrix),
        ("block", c_void_p),
    ]


def path(kind: str) -> Path:
    """Where the library for a kind of processor is, once it is built. With two dots nobody takes it for a module."""
    return Path(__file__).with_name(f"decode_step.{kind}{SUFFIX}")


def open_library(kind: str) -> Any:
    """The library for a kind of processor; None if it was not built, or this processor is of another kind."""
    try:
        generic = ctypes.CDLL(str(path(KINDS[0])))
        sizes = (ctypes.sizeof(each) for each in (_Matrix, _Block, _Network))
        if not generic.i3_supports(KINDS.index(kind), *sizes):  # other sizes: built from another version
            return None
        found = ctypes.CDLL(str(path(kind)))
        found.i3_new.restype = c_void_p
        found.i3_new.argtypes = [c_void_p]
        found.i3_free.argtypes = [c_void_p]
        found.i3_step.argtypes = [c_void_p, c_int64, c_int64, c_void_p, c_void_p]
        return found
    except (OSError, AttributeError):
        return None


@functools.cache
def best_library() -> Any:
    """The fastest library that this processor can run; None if none was built."""
    return next(filter(None, map(open_library, reversed(KINDS))), None)


class NativeStep:
    """Decodes single tokens of one network, from its weights as they are in memory."""

    @classmethod
    def of(cls, network: I3Network) -> NativeStep | None:
        """The step of this network; None if the library or a kind of block or layer is missing."""
        try:
            return None if best_library() is None else cls(network)
        except _NotKnownError:
            return None

    def __init__(self, network: I3Network) -> None:
        """Raises _NotKnownError for a network that the library does not know."""
        config = network.config
        self._weights: list[tuple[dict[str, Any], str]] = []
        self._kept: list[Any] = []  # what only this object holds
        self._vocabulary = config.vocab_size
        self._cache_shape = (1, config.n_heads, config.window, config.head_dim)
        blocks = (_Block * len(network.layers))(*map(self._block, network.layers))
        self._threads, self._process = torch.get_num_threads(), os.getpid()
        sizes = config.d_model, config.d_state, config.n_heads, config.ffn_width, config.window, len(blocks)
        given = _Network(
            *sizes, self._threads, network.ln_f.eps,
            self._weight(network.embed), self._weight(network.pos_embed), *self._norm(network.ln_f),
            self._matrix(network.head), ctypes.cast(blocks, c_void_p),
        )  # fmt: skip
        self._pointers = self._current_pointers()
        self._library = best_library()
        self._decoder = self._library.i3_new(ctypes.byref(given))
        if not self._decoder:
            raise MemoryError("out of memory")
        weakref.finalize(self, _free, self._library, self._decoder, self._process)

    def is_current(self) -> bool:
        """Whether the weights are where they were, and threads and process the same."""
        return (
            self._threads == torch.get_num_threads()
            and self._pointers == self._current_pointers()
            and self._process == os.getpid()  # threads do not survive a fork
        )

    def __call__(self, token: int, layers: Sequence[LayerState], position: int) -> Tensor | None:
        """Logits (1, V) after a token at `position`; advances the states. None for states that it does not know."""
        pointers, after = [], []
        for layer in layers:
            if isinstance(layer, KVCache):  # as `State` in decode_step.c
                keys, values = layer.keys, layer.values
                if keys.shape != self._cache_shape or not (_is_plain(keys) and _is_plain(values)):
                    return None
                pointers += (keys.data_ptr(), values.data_ptr(), None, None, None, None)
            elif isinstance(layer, MambaState) and len(layer.h) == 1 and _is_plain(layer.h) and _is_plain(layer.s):
                h, s = torch.empty_like(layer.h), torch.empty_like(layer.s)
                pointers += (None, None, layer.h.data_ptr(), layer.s.data_ptr(), h.data_ptr(), s.data_ptr())
                after.append((layer, h, s))
            else:
                return None
        logits = torch.empty(1, self._vocabulary)
        states = (c_void_p * len(pointers))(*pointers)
        self._library.i3_step(self._decoder, token, position, states, logits.data_ptr())
        for layer, h, s in after:
            layer.h, layer.s = h, s
        return logits

    def _block(self, block: Block) -> _Block:
        mixer: Any = block.mixer
        ffn = block.ffn
        if type(ffn) is not FeedForward:
            raise _NotKnownError
        widen, _, narrow = cast("Any", ffn)
        norms = *self._norm(block.ln1), *self._norm(block.ln2)
        wide = self._matrix(widen), self._matrix(narrow)
        if block.kind == "attention":
            return _Block(*norms, *[None] * 5, self._matrix(mixer.qkv), self._matrix(mixer.out_proj), *wide)
        if block.kind == "rwkv_mamba":
            own = (self._weight(mixer, name) for name in ("w_mix", "A", "B", "C", "D"))
            return _Block(*norms, *own, _Matrix(), _Matrix(), *wide)
        raise _NotKnownError

    def _norm(self, norm: nn.LayerNorm) -> tuple[int, int]:
        return self._weight(norm), self._weight(norm, "bias")

    def _matrix(self, layer: Linear) -> _Matrix:
        matrix = layer.for_native_step()
        if matrix is None:
            raise _NotKnownError
        kind, values, scale = matrix
        self._kept += (values, scale, layer.bias)
        if isinstance(layer, nn.Linear) and "weight" in layer._parameters:
            self._weight(layer)
            if layer.bias is not None:
                self._weight(layer, "bias")
        bias = None if layer.bias is None else layer.bias.data_ptr()
        stride = values.stride(0) * values.element_size()
        scale_at = None if scale is None else scale.data_ptr()
        return _Matrix(values.data_ptr(), scale_at, bias, layer.out_features, layer.in_features, stride, kind)

    def _weight(self, module: Any, name: str = "weight") -> int:
        """The address of a parameter, which is looked at again before each step."""
        weight = module._parameters[name]
        if weight is None or weight.dtype != torch.float32 or not weight.is_contiguous() or not weight.is_cpu:
            raise _NotKnownError
        self._weights.append((module._parameters, name))
        return weight.data_ptr()

    def _current_pointers(self) -> list[int]:
        return [parameters[name].data_ptr() for parameters, name in self._weights]

    def __deepcopy__(self, memo: object) -> None:
        """A copy of the network makes a step of its own."""

    def __reduce__(self) -> tuple:
        return type(None), ()


class _NotKnownError(Exception):
    """The library does not know this kind of block or layer."""


def _is_plain(tensor: Tensor) -> bool:
    return tensor.dtype == torch.float32 and tensor.is_cpu and tensor.is_contiguous()


def _free(library: Any, decoder: int, process: int) -> None:
    if process == os.getpid():  # in a forked child there is no thread to wait for
        library.i3_free(decoder)
