"""The i3 network as a model of the transformers library.

The blocks are ours; cache, masks and `generate` are the library's.
Parameter names are those of i3 checkpoints, so that `from_pretrained` reads any i3 folder and i3core reads what
`save_pretrained` writes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    GenerationMixin,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.cache_utils import Cache
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from ..model.block_kinds import KINDS
from ..model.config import ModelConfig
from ..model.layers import Embedding, Linear
from ..model.network import Block, CausalSelfAttention
from .cache_i3 import CACHE, advance, layer_states, prepare_cache
from .configuration_i3 import I3Config
from .defaults import generation_defaults, read_template
from .loading_i3 import folder_of, sizes_corrected

logger = logging.get_logger(__name__)


class I3Block(GradientCheckpointingLayer, Block):
    """A block of i3core, which the library may run again in the backward pass."""


class I3PreTrainedModel(PreTrainedModel):
    """Initial weights, and loading any folder of an i3 model."""

    config: I3Config
    config_class = I3Config
    base_model_prefix = "model"
    main_input_name = "input_ids"
    _no_split_modules = ["I3Block"]
    _skip_keys_device_placement = ["cache", "past_key_values"]
    # Recurrences lose too much in half precision.
    _keep_in_fp32_modules_strict = [name for kind in KINDS.values() for name in kind.exact]
    _supports_sdpa = True
    _is_stateful = True  # a state has no past to go back to, as assisted generation would
    supports_gradient_checkpointing = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif callable(reset := getattr(module, "reset", None)):
            reset()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *arguments: Any, **options: Any) -> Any:
        """Load any folder of an i3 model, or repository of the hub, as the library does.

        Its sizes come from the tensors, since the public exporter writes wrong ones. If it has no
        generation_config.json, its vocabulary says what ends a reply.
        """
        folder = folder_of(str(pretrained_model_name_or_path), options)
        config = options.get("config")
        if folder is not None and (config is None or isinstance(config, I3Config)):
            if config is None:
                config = I3Config.from_pretrained(folder)
                for key in options.keys() & config.to_dict().keys() - {"dtype", "torch_dtype"}:
                    setattr(config, key, options.pop(key))
            options["config"] = sizes_corrected(folder, config)
        loaded = super().from_pretrained(pretrained_model_name_or_path, *arguments, **options)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        if model.can_generate() and folder is not None and not (folder / "generation_config.json").is_file():
            template = read_template(folder)
            if template is not None:
                model.generation_config.update(**generation_defaults(template))
        return loaded


class I3Backbone(I3PreTrainedModel):
    """Embeddings, the blocks, the final norm."""

    def __init__(self, config: I3Config) -> None:
        super().__init__(config)
        self.build(config.sizes)
        self.post_init()

    def build(self, sizes: ModelConfig) -> None:
        """Create the layers, under the names that checkpoints have."""
        self.embed = Embedding(sizes.vocab_size, sizes.d_model)
        self.pos_embed = Embedding(sizes.window, sizes.d_model)
        blocks = nn.ModuleList(I3Block(sizes, kind) for kind in sizes.kinds)
        self.layers = cast("list[I3Block]", blocks)
        self.ln_f = nn.LayerNorm(sizes.d_model)

    def get_input_embeddings(self) -> nn.Module:
        return self.embed

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embed = value

    def encode(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        cache: Cache | None = None,
    ) -> BaseModelOutputWithPast:
        """Hidden states (B, T, D) of ids (B, T) that follow what the cache has seen.

        Args:
            cache: the library's name from 5.24 on; past_key_values is its name before.
            attention_mask: (B, past + T), 0 where there is padding. What it hides changes nothing, on either side.
            position_ids: (B, T) or (T,); otherwise the tokens that are not hidden are numbered from 0.

        Raises:
            ValueError: both or neither of ids and embeddings, more tokens than the window holds.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds.")
        x = self.embed(input_ids) if inputs_embeds is None else inputs_embeds
        use_cache = self.config.use_cache and not self.training if use_cache is None else use_cache
        if past_key_values is not None:
            if CACHE == "cache":
                warnings.warn("`past_key_values` is deprecated, its name is `cache` now.", FutureWarning, stacklevel=3)
            cache = past_key_values
        if self.training and torch.is_grad_enabled() and any(block.gradient_checkpointing for block in self.layers):
            use_cache, cache = False, None  # blocks run twice then, and would add to a cache twice
        if use_cache or cache is not None:
            cache = prepare_cache(cache, self.config)
        past = cache.get_seq_length() if cache is not None else 0
        real, allowed = self._masks(attention_mask, past, x)
        positions = self._positions(position_ids, attention_mask, past, x)
        x = x + self.pos_embed(positions).to(x.dtype)

        want_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        want_states = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        states: list[Tensor] = [x]
        attentions: list[Tensor] = []
        with self._recording(attentions) if want_attentions else nullcontext():
            for block, layer in zip(self.layers, layer_states(cache, len(self.layers)), strict=True):
                x = block(x, layer, past, allowed if block.is_attention else real)
                states.append(x)
        if cache is not None:
            advance(cache, x.shape[1])
        states[-1] = x = self.ln_f(x)
        return BaseModelOutputWithPast(
            last_hidden_state=x,
            hidden_states=tuple(states) if want_states else None,
            attentions=tuple(attentions) if want_attentions else None,
            **{CACHE: cache if use_cache else None},
        )

    @contextmanager
    def _recording(self, attentions: list[Tensor]) -> Iterator[None]:
        """Add the weights of each attention block to `attentions` while the context is open."""

        def record(module: CausalSelfAttention, arguments: tuple, output: Tensor) -> None:
            x, cache, _, mask = arguments
            attentions.append(module.weights(x, None if cache is None else cache.keys, mask))

        with ExitStack() as hooks:
            for block in self.layers:
                if block.is_attention:
                    hooks.callback(block.get_submodule("attn").register_forward_hook(record).remove)
            yield

    def _masks(self, attention_mask: Tensor | None, past: int, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The masks of the two mixers; None without padding.

        (B, T), which tokens are real, and (B, 1, T, past + T), what each may attend to.
        """
        batch, time = x.shape[:2]
        if attention_mask is None or (attention_mask.dim() == 2 and bool(attention_mask.all())):
            return None, None
        if attention_mask.dim() != 2 or attention_mask.shape[1] != past + time:
            raise ValueError(f"attention_mask must be (batch, {past + time}), not {tuple(attention_mask.shape)}.")
        kept = attention_mask.bool()
        allowed = torch.ones(time, past + time, dtype=torch.bool, device=x.device).tril(past) & kept[:, None, :]
        itself = torch.eye(time, past + time, dtype=torch.bool, device=x.device).roll(past, 1)
        real = kept[:, past:].expand(batch, -1)
        # Padding attends to itself: no row is empty.
        return None if bool(real.all()) else real, (allowed | itself)[:, None]

    def _positions(self, given: Tensor | None, attention_mask: Tensor | None, past: int, x: Tensor) -> Tensor:
        time = x.shape[1]
        if given is not None:
            positions = given[..., -time:]
        elif attention_mask is not None:
            positions = (attention_mask.long().cumsum(1) - 1).clamp(min=0)[:, -time:]
        else:
            positions = torch.arange(past, past + time, device=x.device)
        window = self.config.max_seq_len
        if past + time > window and int(positions.max()) >= window:
            raise ValueError(f"{int(positions.max()) + 1} tokens do not fit a window of {window}.")
        return positions


class WindowFull(StoppingCriteria):
    """Ends each row of a batch when it has filled the window."""

    eos_token_id = None  # with it the library pads the rows that have ended, also without an end token

    def __init__(self, window: int, read: int, padding: Tensor | None) -> None:
        """read: tokens that are in no row (embeddings, or those in a cache). padding: (B,) of each row."""
        self.window, self.read, self.padding = window, read, padding

    def __call__(self, input_ids: Tensor, scores: Any, **others: Any) -> Any:
        rows, length = input_ids.shape
        padding = input_ids.new_zeros(rows) if self.padding is None else self.padding.to(input_ids.device)
        full = length + self.read - padding.repeat_interleave(rows // len(padding)) > self.window
        if bool(full.any()):
            logger.warning_once(f"The window of {self.window} tokens is full: generation ends there.")
        return full


class I3Model(I3Backbone):
    """Token ids to hidden states."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache: Cache | None = None,
        **others: Any,
    ) -> tuple | BaseModelOutputWithPast:
        """Hidden states (B, T, D); see `I3Backbone.encode`."""
        output = self.encode(
            input_ids, attention_mask, position_ids, past_key_values, inputs_embeds, use_cache, output_attentions,
            output_hidden_states, cache,
        )  # fmt: skip
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()


class I3ForCausalLM(I3Backbone, GenerationMixin):
    """Token ids to logits: hidden states through the head."""

    _tied_weights_keys = {"head.weight": "embed.weight"}

    def build(self, sizes: ModelConfig) -> None:
        super().build(sizes)
        self.head = Linear(sizes.d_model, sizes.vocab_size)

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        self.head = new_embeddings

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        cache: Cache | None = None,
        **others: Any,
    ) -> tuple | CausalLMOutputWithPast:
        """Logits (B, T, V), and with `labels` (B, T) the loss of predicting them.

        Args:
            labels: -100 for tokens that do not count.
            logits_to_keep: how many of the last positions get logits, or which ones; 0 for all.

        See `I3Backbone.encode` for the others.
        """
        output = self.encode(
            input_ids, attention_mask, position_ids, past_key_values, inputs_embeds, use_cache, output_attentions,
            output_hidden_states, cache,
        )  # fmt: skip
        hidden = output.last_hidden_state
        assert hidden is not None
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.head(hidden[:, kept])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **others)
        result = CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
            **{CACHE: getattr(output, CACHE)},
        )
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return result if as_dict else result.to_tuple()

    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Any = None,
        stopping_criteria: Any = None,
        *others: Any,
        **options: Any,
    ) -> Any:
        """Generate as the library does; a row of the batch that fills the window ends there.

        Raises:
            ValueError: a prompt longer than the window, or another kind of cache.
        """
        kind = options.get("cache_implementation") or getattr(generation_config, "cache_implementation", None)
        if kind not in (None, "dynamic", "dynamic_full"):
            raise ValueError(f"i3 models have a cache of their own, not a {kind} one: leave cache_implementation out.")
        ids = options.get("input_ids") if inputs is None else inputs
        embeddings, mask, window = options.get("inputs_embeds"), options.get("attention_mask"), self.config.max_seq_len
        given = 0 if ids is None else ids.shape[1]
        if mask is not None:
            read = mask.shape[1] - given
        else:
            read = embeddings.shape[1] if given == 0 and embeddings is not None else 0
        padding = None if mask is None else (mask == 0).sum(1)
        longest = given + read - (0 if padding is None else int(padding.min()))
        if longest > window:
            raise ValueError(f"{longest} tokens do not fit a window of {window}.")
        criteria = StoppingCriteriaList([*(stopping_criteria or ()), WindowFull(window, read, padding)])
        library: Any = super()  # its stubs ask for members that only some models have
        output = library.generate(inputs, generation_config, logits_processor, criteria, *others, **options)
        sequences = output if isinstance(output, Tensor) else getattr(output, "sequences", None)
        if sequences is not None:  # beams without an end token are filled with -1, which is no token
            settings: Any = self.generation_config
            sequences.masked_fill_(sequences < 0, settings.pad_token_id or 0)
        return output

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, *others: Any, inputs_embeds: Tensor | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The library's, with positions inside the window: rows that have ended still get tokens beyond it.

        The library looks for the names `inputs_embeds` and `kwargs` here.
        """
        library: Any = super()
        inputs = library.prepare_inputs_for_generation(input_ids, *others, inputs_embeds=inputs_embeds, **kwargs)
        positions = inputs.get("position_ids")
        if positions is not None:
            inputs["position_ids"] = positions.clamp(max=self.config.max_seq_len - 1)
        return inputs


# The library's Trainer reads from this list which models shift their labels by a token.
MODEL_FOR_CAUSAL_LM_MAPPING_NAMES["i3"] = "I3ForCausalLM"
