"""A model folder for the transformers library, which loads it also where i3core is not installed.

The folder is one of ours with four files more and the modules that the model's classes are made of, as they are here:
with `trust_remote_code=True` the library runs those. i3core itself never runs code of a folder.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch

from .checkpoint import Model, config_to_json, save
from .files import replaced, write_json
from .hf_defaults import generation_defaults, jinja_template, token_names
from .tokenizer import UNK

CLASSES = {
    "AutoConfig": "configuration_i3.I3Config",
    "AutoModel": "modeling_i3.I3Model",
    "AutoModelForCausalLM": "modeling_i3.I3ForCausalLM",
}
TOKENIZER = "tokenization_i3.I3Tokenizer"


def save_for_transformers(model: Model, folder: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Writes such a folder. Raises what `save` raises."""
    folder, template = Path(folder), model.template
    save(model, folder, "safetensors", dtype)
    content = config_to_json(model.config, template, str(dtype).removeprefix("torch."), model.details)
    content |= {"architectures": ["I3ForCausalLM"], "auto_map": {**CLASSES, "AutoTokenizer": [TOKENIZER, None]}}
    write_json(folder / "config.json", content)
    end, names = template.end_id, token_names(model.tokenizer)
    ends = {} if end is None else {"bos_token": names[end], "eos_token": names[end]}
    settings = {
        "tokenizer_class": "I3Tokenizer",
        "auto_map": {"AutoTokenizer": [TOKENIZER, None]},
        "model_max_length": model.config.window,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "unk_token": UNK,
        "pad_token": UNK if end is None else names[end],
        **ends,
        "i3_template": template.to_json(),
    }
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "generation_config.json", generation_defaults(template))
    texts = {"chat_template.jinja": jinja_template(template)}
    texts |= {path.name: path.read_text(encoding="utf-8") for path in modules()}
    for name, text in texts.items():
        with replaced(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def modules() -> list[Path]:
    """The files of i3core that the classes need, in the order in which they are met."""
    here = Path(__file__).parent
    found = [here / f"{name.split('.')[0]}.py" for name in (*CLASSES.values(), TOKENIZER)]
    found = list(dict.fromkeys(found))
    for path in found:  # grows while it is read
        imported = re.findall(r"^\s*from \.(\w+) import", path.read_text(encoding="utf-8"), re.MULTILINE)
        found += [other for name in imported if (other := here / f"{name}.py") not in found]
    return found
