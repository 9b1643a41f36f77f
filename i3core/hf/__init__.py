"""Register i3 models with the Auto classes of the transformers library.

import i3core.hf
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
"""

from __future__ import annotations

from ..errors import I3Error
from ..system.extras import install_hint

try:
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer
except ImportError as error:
    raise I3Error(
        "i3core.hf needs the package transformers.", install_hint("transformers", "Use i3core.load instead.")
    ) from error

from .configuration_i3 import I3Config
from .modeling_i3 import I3ForCausalLM, I3Model, I3PreTrainedModel
from .tokenization_i3 import I3Tokenizer

__all__ = ["I3Config", "I3ForCausalLM", "I3Model", "I3PreTrainedModel", "I3Tokenizer"]

AutoConfig.register("i3", I3Config, exist_ok=True)
AutoModel.register(I3Config, I3Model, exist_ok=True)
AutoModelForCausalLM.register(I3Config, I3ForCausalLM, exist_ok=True)
AutoTokenizer.register(I3Config, slow_tokenizer_class=I3Tokenizer, exist_ok=True)
