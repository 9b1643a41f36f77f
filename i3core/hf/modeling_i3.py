"""The i3 network as a model of the transformers library: the same blocks, its masks, its `generate`.

Parameter names are those of i3 checkpoints, so that `from_pretrained` reads any i3 folder and i3core reads what
`save_pretrained` writes.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
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

from ..model.config import ModelConfig
from ..model.network import Block, Embedding, LayerState, Linear, RWKVMambaMixer
from .cache_i3 import CACHE, RecurrentLayer, prepare_cache
from .configuration_i3 import I3Config
from .defaults import generation_defaults, read_template
from .loading_i3 import folder_of, sizes_corrected

logger = logging.get_logger(__name__)


class I3Block(GradientCheckpointingLayer, Block):
    """A block of i3core over the library's cache and masks."""

    def forward(
        self,
        x: Tensor,
        counts: Tensor | None,
        allowed: Tensor | None,
        cache: Cache | None = None,
        index: int = 0,
        want_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """x (B, T, D) after block `index`, and its attention weights (B, heads, T, past + T) if they are wanted.

        Args:
            counts: (B, T), False for padding; None if there is none.
            allowed: (B, 1, T, past + T), what each token may look at; None for all before it.
        """
        mixed, weights = self.ln1(x), None
        if self.is_attention:
            mixed, weights = self._attend(mixed, allowed, cache, index, want_weights)
        else:
            mixed = self._recur(mixed, counts, cache, index)
        x = x + mixed.to(x.dtype)
        return x + self.ffn(self.ln2(x)), weights

    def _recur(self, x: Tensor, counts: Tensor | None, cache: Cache | None, index: int) -> Tensor:
        """The mixer of an RWKV-Mamba block. Padding leaves its states as they are, wherever it stands."""
        layer = None if cache is None else cache.layers[index]
        state = None if layer is None else self._state(layer, x)
        if counts is None:
            y = self.hybrid(x, state)
        else:
            y = self._recur_beside_padding(x, counts, state)
        if layer is not None:
            layer.update(state.first, state.second, x.shape[1])
        return y

    def _state(self, layer: RecurrentLayer, x: Tensor) -> LayerState:
        if layer.is_initialized:
            return LayerState(layer.keys, layer.values)
        d_state, d_model = self.hybrid.B.shape
        return LayerState(*torch.zeros(len(x), d_model + d_state, device=x.device).split([d_model, d_state], 1))

    def _recur_beside_padding(self, x: Tensor, counts: Tensor, state: LayerState | None) -> Tensor:
        """In each row what counts comes first, then padding, whose states nobody reads."""
        order = counts.long().argsort(dim=1, descending=True, stable=True)[..., None]
        with torch.autocast(x.device.type, enabled=False):
            h, s = self.hybrid.states(x.gather(1, order.expand_as(x)), state)
            y = self.hybrid.read(h, s)
        if state is not None:
            number = counts.sum(1)[:, None]
            last = (number - 1).clamp(min=0)[..., None]
            for name, after in (("first", h), ("second", s)):
                ends = after.gather(1, last.expand(-1, 1, after.shape[2]))[:, 0]
                setattr(state, name, torch.where(number > 0, ends, getattr(state, name)))
        return y.gather(1, order.argsort(dim=1).expand_as(y))

    def _attend(
        self, x: Tensor, allowed: Tensor | None, cache: Cache | None, index: int, want_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Causal attention over the cache, and its weights if they are wanted."""
        batch, time, width = x.shape
        heads = self.attn.n_heads
        q, k, v = self.attn.qkv(x).view(batch, time, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
        if cache is not None:
            k, v = cache.update(k, v, index)
        weights = None
        if want_weights:
            if allowed is None:
                allowed = torch.ones(time, k.shape[2], dtype=torch.bool, device=x.device).tril(k.shape[2] - time)
            scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
            weights = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
            y = weights @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, is_causal=allowed is None and time > 1)
        return self.attn.out_proj(y.transpose(1, 2).reshape(batch, time, width)), weights


class I3PreTrainedModel(PreTrainedModel):
    config_class = I3Config
    base_model_prefix = "model"
    main_input_name = "input_ids"
    _no_split_modules = ["I3Block"]
    _skip_keys_device_placement = ["cache", "past_key_values"]
    _keep_in_fp32_modules_strict = ["hybrid"]  # recurrences lose too much in half precision
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
        elif isinstance(module, RWKVMambaMixer):
            nn.init.constant_(module.w_mix, 0.5)
            nn.init.constant_(module.D, 0.1)
            for matrix in (module.A, module.B, module.C):
                nn.init.normal_(matrix, std=0.01)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *arguments: Any, **options: Any) -> Any:
        """As the library does it, for any folder of an i3 model or repository of the hub.

        Its sizes come from the tensors, since the public exporter writes wrong ones, and what ends a reply from its
        vocabulary if it has no generation_config.json.
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


class I3Model(I3PreTrainedModel):
    """Token ids to hidden states: embeddings, the blocks, the final norm."""

    def __init__(self, config: I3Config) -> None:
        super().__init__(config)
        self.build(config.sizes)
        self.post_init()

    def build(self, sizes: ModelConfig) -> None:
        """The layers, under the names that checkpoints have."""
        self.embed = Embedding(sizes.vocab_size, sizes.d_model)
        self.pos_embed = Embedding(sizes.window, sizes.d_model)
        self.layers = nn.ModuleList(I3Block(sizes, i >= sizes.hybrid_layers) for i in range(sizes.n_layers))
        self.ln_f = nn.LayerNorm(sizes.d_model)

    def get_input_embeddings(self) -> nn.Module:
        return self.embed

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embed = value

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
        """Hidden states (B, T, D) of ids (B, T) that follow what the cache has seen.

        Args:
            cache: as the library calls it from 5.24 on; past_key_values is its name before.
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
                warnings.warn("`past_key_values` is deprecated, its name is `cache` now.", FutureWarning, stacklevel=2)
            cache = past_key_values
        if self.training and torch.is_grad_enabled() and any(block.gradient_checkpointing for block in self.layers):
            use_cache, cache = False, None  # blocks run twice then, and would add to a cache twice
        if use_cache or cache is not None:
            cache = prepare_cache(cache, self.config)
        past = cache.get_seq_length() if cache is not None else 0
        counts, allowed = self._masks(attention_mask, past, x)
        positions = self._positions(position_ids, attention_mask, past, x)
        x = x + self.pos_embed(positions).to(x.dtype)

        want_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        want_states = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        states, attentions = [x], []
        for index, block in enumerate(self.layers):
            x, weights = block(x, counts, allowed, cache=cache, index=index, want_weights=want_attentions)
            states.append(x)
            if block.is_attention:
                attentions.append(weights)
        states[-1] = x = self.ln_f(x)
        output = BaseModelOutputWithPast(
            last_hidden_state=x,
            hidden_states=tuple(states) if want_states else None,
            attentions=tuple(attentions) if want_attentions else None,
            **{CACHE: cache if use_cache else None},
        )
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()

    def _masks(self, attention_mask: Tensor | None, past: int, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Which new tokens are not padding, (B, T), and what each may look at, (B, 1, T, past + T).

        None stands for: all, and everything before.
        """
        batch, time = x.shape[:2]
        if attention_mask is None or (attention_mask.dim() == 2 and bool(attention_mask.all())):
            if time == 1 or past == 0:
                return None, None
            allowed = torch.ones(time, past + time, dtype=torch.bool, device=x.device).tril(past)
            return None, allowed.expand(batch, 1, -1, -1)
        if attention_mask.dim() != 2 or attention_mask.shape[1] != past + time:
            raise ValueError(f"attention_mask must be (batch, {past + time}), not {tuple(attention_mask.shape)}.")
        kept = attention_mask.bool()
        allowed = torch.ones(time, past + time, dtype=torch.bool, device=x.device).tril(past) & kept[:, None, :]
        itself = torch.eye(time, past + time, dtype=torch.bool, device=x.device).roll(past, 1)
        counts = kept[:, past:].expand(batch, -1)
        # Padding sees itself: no row is empty.
        return None if bool(counts.all()) else counts, (allowed | itself)[:, None]

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
    """Ends each row of a batch where it has filled the window."""

    eos_token_id = None  # by having this it makes the library pad the rows that have ended, also without an end token

    def __init__(self, window: int, read: int, hidden: Tensor | None) -> None:
        """`read` tokens are in no row: embeddings, or what a cache holds. `hidden` (B,) of each are padding."""
        self.window, self.read, self.hidden = window, read, hidden

    def __call__(self, input_ids: Tensor, scores: Any, **others: Any) -> Tensor:
        rows, length = input_ids.shape
        hidden = input_ids.new_zeros(rows) if self.hidden is None else self.hidden.to(input_ids.device)
        full = length + self.read - hidden.repeat_interleave(rows // len(hidden)) > self.window
        if bool(full.any()):
            logger.warning_once(f"The window of {self.window} tokens is full: what is generated ends there.")
        return full


class I3ForCausalLM(I3Model, GenerationMixin):
    """The whole network: hidden states, and logits through the head."""

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
        """Logits (B, T, V), and with `labels` (B, T) their loss: each token is asked for at the place before its own.

        Args:
            labels: -100 where nothing is asked.
            logits_to_keep: how many of the last places get logits, or which ones; 0 for all.
        """
        seen = super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            cache=cache,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        places = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.head(seen.last_hidden_state[:, places])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **others)
        output = CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            hidden_states=seen.hidden_states,
            attentions=seen.attentions,
            **{CACHE: getattr(seen, CACHE)},
        )
        as_dict = self.config.return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()

    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Any = None,
        stopping_criteria: Any = None,
        **options: Any,
    ) -> Any:
        """As the library does it. A row of the batch that fills the window ends there.

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
        hidden = None if mask is None else (mask == 0).sum(1)
        longest = given + read - (0 if hidden is None else int(hidden.min()))
        if longest > window:
            raise ValueError(f"{longest} tokens do not fit a window of {window}.")
        criteria = StoppingCriteriaList([*(stopping_criteria or ()), WindowFull(window, read, hidden)])
        output = super().generate(inputs, generation_config, logits_processor, criteria, **options)
        sequences = output if isinstance(output, Tensor) else getattr(output, "sequences", None)
        if sequences is not None:  # beams without an end token are filled with -1, which is no token
            sequences.masked_fill_(sequences < 0, self.generation_config.pad_token_id or 0)
        return output

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, inputs_embeds: Tensor | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Rows that have ended are still given tokens, for which there is no place once the window is full."""
        inputs = super().prepare_inputs_for_generation(input_ids, inputs_embeds=inputs_embeds, **kwargs)
        positions = inputs.get("position_ids")
        if positions is not None:
            inputs["position_ids"] = positions.clamp(max=self.config.max_seq_len - 1)
        return inputs


# By this list the library's Trainer knows which models have their labels a token ahead.
MODEL_FOR_CAUSAL_LM_MAPPING_NAMES["i3"] = "I3ForCausalLM"
