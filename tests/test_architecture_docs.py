"""The documentation says what is there: packages, fields, events, commands, sizes, and every path that it names.

Tables between `<!-- NAME: begin -->` and `<!-- NAME: end -->` are made from the code. If one differs, the failing test
shows the text that belongs there; `python tests/test_architecture_docs.py` writes all of them.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from i3core.cli.main import build_parser
from i3core.model.config import PRESETS, ModelConfig
from i3core.runs import events

ROOT = Path(__file__).resolve().parent.parent
README, ARCHITECTURE = ROOT / "README.md", ROOT / "docs" / "architecture.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "assets/models/i3-mini/README.md"])
MOST_README_LINES = 200


def summary(module: Path) -> str:
    """The first paragraph of a module's docstring, in one line."""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


def layers() -> str:
    """LAYERS of test_architecture.py, a line for each layer."""
    tree = ast.parse((ROOT / "tests" / "test_architecture.py").read_text(encoding="utf-8"))
    assigned = (node for node in tree.body if isinstance(node, ast.Assign))
    (table,) = (ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "LAYERS")
    lines = []
    for package, order in table.items():
        first, *others = (", ".join(line.split()) for line in order.strip().splitlines())
        lines += [f"    {package}   {first}", *(f"           > {other}" for other in others)]
    return "\n".join(lines)


def package_table() -> str:
    lines = ["| package | what belongs there |", "|---|---|"]
    for top in ("i3core", "i3desk"):
        for module in sorted((ROOT / top).rglob("*/__init__.py")):
            name = module.parent.relative_to(ROOT).as_posix()
            lines.append(f"| `{name}` | {summary(module)} |")
    return "\n".join(lines)


def command_table() -> str:
    lines = ["| command | purpose |", "|---|---|"]
    for action in build_parser()._actions:  # argparse has no public list of its commands
        if isinstance(action, argparse._SubParsersAction):
            lines += [f"| `i3core {choice.dest}` | {choice.help} |" for choice in action._choices_actions]
    return "\n".join(lines)


def field_list(event: type) -> str:
    return ", ".join(f"`{field.name}`" for field in fields(event))


GENERATED: dict[str, tuple[Path, Callable[[], str]]] = {
    "layers": (ARCHITECTURE, lambda: f"\n{layers()}\n"),
    "packages": (ARCHITECTURE, lambda: f"\n{package_table()}\n"),
    "step": (ARCHITECTURE, lambda: field_list(events.Stepped)),
    "evaluation": (ARCHITECTURE, lambda: field_list(events.Evaluated)),
    "commands": (README, lambda: f"\n{command_table()}\n"),
}


def marked(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- {name}: begin -->).*?(?=<!-- {name}: end -->)", re.DOTALL)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_text_equals_the_code(name: str) -> None:
    page, make = GENERATED[name]
    (written,) = marked(name).findall(page.read_text(encoding="utf-8"))
    assert written == make()


def test_every_event_of_a_run_is_documented() -> None:
    named = re.findall(r"^\| `([A-Z]\w+)` \|", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(event.__name__ for event in get_args(events.Event))


def test_documented_sizes_equal_the_presets() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert f"{PRESETS['i3-80m'].parameters:,} with the published vocabulary size of 41,320" in text
    assert f"{ModelConfig(35_560).parameters:,} with 35,560" in text
    assert round(PRESETS["i3-22m"].parameters / 1e6, 1) == 22.6
    for preset in set(PRESETS) - {"i3-80m"}:
        assert re.search(rf"^\| {preset} \|", text, re.MULTILINE), preset


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_named_on_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tops = r"i3core|i3desk|tests|packaging|assets|docs|\.github|\.ci"
    paths = re.findall(rf"(?<![\w/.~-])((?:{tops})/[\w./-]*[\w/])", text)
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    names = re.findall(r"`([\w-]+\.(?:py|sh|spec|ps1|qss))", text)
    known = {
        path.name for top in ("i3core", "i3desk", "tests", "packaging", "assets") for path in (ROOT / top).rglob("*")
    }
    missing = [path for path in paths if not (ROOT / path).exists()]
    missing += [link for link in links if not (page.parent / link).exists()]
    missing += [name for name in names if name not in known]
    assert not missing


def test_readme_is_short_and_credits_the_authors_of_i3() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_README_LINES
    assert "https://github.com/FlameF0X/open-i3" in text


if __name__ == "__main__":
    for name, (page, make) in GENERATED.items():
        text = page.read_text(encoding="utf-8")
        page.write_text(marked(name).sub(lambda _, make=make: make(), text), encoding="utf-8")
