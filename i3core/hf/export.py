"""Write a model folder that the transformers library loads without i3core.

The folder has four files more than ours, and copies of the modules that its classes need. With `trust_remote_code=True`
the library runs those. i3core itself never runs code from a folder.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch

from ..checkpoints.checkpoint import Model, config_to_json, save
from ..errors import ConfigError, I3Error
from ..system.files import read_json, replaced, write_json
from ..text.tokenizer import UNK
from .defaults import generation_defaults, jinja_template, token_names

CLASSES = {
    "AutoConfig": "configuration_i3.I3Config",
    "AutoModel": "modeling_i3.I3Model",
    "AutoModelForCausalLM": "modeling_i3.I3ForCausalLM",
}
TOKENIZER = "tokenization_i3.I3Tokenizer"


def save_for_transformers(model: Model, folder: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write such a folder. Raises what `save` raises, and ConfigError if i3core is installed without its sources."""
    folder, template, code = Path(folder), model.template, sources()
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
    for name, text in {"chat_template.jinja": jinja_template(template), **code}.items():
        with replaced(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def sources() -> dict[str, str]:
    """File name -> source of every module that the classes need, for one flat folder.

    The library copies only modules of the folder itself, so each import of another package of i3core is rewritten to
    the flat name of its module: `from ..text.tokenizer import` becomes `from .text_tokenizer import`.

    Raises:
        ConfigError: i3core is installed without its sources.
    """
    here = Path(__file__).parent
    wanted = [here / f"{name.split('.')[0]}.py" for name in (*CLASSES.values(), TOKENIZER)]
    if not all(path.is_file() for path in wanted):  # the packaged program
        raise ConfigError(
            "A folder for the transformers library contains sources of i3core, which this installation lacks.",
            "Run i3core from its source. A folder written without --to also loads where i3core is installed.",
        )
    found: dict[str, str] = {}

    def flat(match: re.Match[str]) -> str:
        indent, dots, module = match.groups()
        imported = path.parents[len(dots) - 1].joinpath(*module.split(".")).with_suffix(".py")
        if imported not in wanted:
            wanted.append(imported)
        return f"{indent}from .{_flat_name(imported)} import"

    for path in wanted:  # grows while it is read
        text = path.read_text(encoding="utf-8")
        found[f"{_flat_name(path)}.py"] = re.sub(r"^(\s*)from (\.+)([\w.]+) import", flat, text, flags=re.MULTILINE)
    return found


def _flat_name(path: Path) -> str:
    here = Path(__file__).parent
    parts = (path.relative_to(here) if path.parent == here else path.relative_to(here.parent)).with_suffix("").parts
    return "_".join(parts)


def modules_of(folder: Path) -> list[Path]:
    """The modules in a model folder that its settings name, and those that they import."""
    named: list[str] = []
    for name in ("config.json", "tokenizer_config.json"):
        try:
            content = read_json(folder / name)
        except I3Error:
            continue
        classes = content.get("auto_map") if isinstance(content, dict) else None
        for value in classes.values() if isinstance(classes, dict) else ():
            named += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    return _reached(folder, named)


def _reached(folder: Path, classes: list[str]) -> list[Path]:
    """The modules in `folder` of classes such as "modeling_i3.I3Model", and those that they import."""
    found: list[Path] = []
    wanted = [name.split(".")[0] for name in classes]
    for name in wanted:  # grows while it is read
        path = folder / f"{name}.py"
        if path not in found and path.is_file():
            found.append(path)
            text = path.read_text(encoding="utf-8", errors="replace")
            wanted += re.findall(r"^\s*from \.(\w+) import", text, re.MULTILINE)
    return found
