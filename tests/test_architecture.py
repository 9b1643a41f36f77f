"""Imports run down the layers, no module is part of an import cycle, and light modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paths import REPOSITORY

# From top to bottom. Packages in one line are neighbours, which do not import each other.
LAYERS = {
    "i3core": """
        __main__
        cli
        bench
        training
        serving evaluation hub
        generation onnx hf
        checkpoints
        data runs
        net
        text model system
        settings
        errors version
    """,
    "i3desk": """
        __main__
        smoke_test
        app
        window
        teach training side_by_side
        runs chat
        curves help settings models tokens datasets
        widgets preferences
        workers style conversations single_instance crash_report event_loop_stalls
        humanize
        paths language
    """,
}
MOST_MODULES = 32  # in one folder

# Modules that come before the window or an answer of the command line, and what importing them must not bring.
HEAVY = ("torch", "huggingface_hub", "httpx", "httpx2", "requests", "datasets", "pyqtgraph", "transformers")
LIGHT_MODULES = (
    "i3core",
    "i3core.settings",
    "i3core.cli",
    "i3core.cli.models",
    "i3core.checkpoints.model_info",
    "i3core.checkpoints.registry",
    "i3core.checkpoints.summary",
    "i3core.checkpoints.template",
    "i3core.data.batches",
    "i3core.data.token_dataset",
    "i3core.data.vocabulary",
    "i3core.generation.config",
    "i3core.generation.context",
    "i3core.hub.download",
    "i3core.runs.index",
    "i3core.runs.reader",
    "i3core.system.humanize",
    "i3core.training.export",
    "i3desk.app",
    "i3desk.training.setup_panel",
)


def modules(package: str) -> dict[str, Path]:
    """Dotted name -> file of all modules of a package."""
    found = {}
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        found[name] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the project that a module imports when it runs, also inside functions; not for type checkers."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        pending += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                module = f"{source}.{alias.name}"
                if module in known:
                    yield module
                elif source in known:
                    yield source


def import_graph(package: str) -> dict[str, set[str]]:
    known = modules(package)
    return {name: set(imports(name, path, known)) - {name} for name, path in known.items()}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The nodes of one circle of a graph; empty if there is none."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        stack = [(start, iter(graph[start]))] if start not in done else []
        while stack:
            node, following = stack[-1]
            if len(path) < len(stack):
                path.append(node)
            for target in following:
                if target in path:
                    return [*path[path.index(target) :], target]
                if target in graph and target not in done:
                    stack.append((target, iter(graph[target])))
                    break
            else:
                done.add(path.pop())
                stack.pop()
    return []


def level_of(package: str) -> dict[str, int]:
    lines = LAYERS[package].strip().splitlines()
    return {name: level for level, line in enumerate(lines) for name in line.split()}


def part(module: str) -> str:
    """The layer's name of a module: its package, or itself at the top."""
    return module.split(".")[1]


@pytest.mark.parametrize("package", LAYERS)
def test_imports_run_down_the_layers_only(package):
    levels, wrong = level_of(package), []
    for name, targets in import_graph(package).items():
        if name == package:  # the public names, which lie above all
            continue
        for target in targets:
            if target == package:
                wrong.append(f"{name} imports {package} itself")
            elif part(name) != part(target) and levels[part(name)] >= levels[part(target)]:
                wrong.append(f"{name} imports {target}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", LAYERS)
def test_no_module_imports_itself_by_a_detour(package):
    assert circle(import_graph(package)) == []


def test_the_core_does_not_import_qt():
    for name, path in modules("i3core").items():
        text = path.read_text(encoding="utf-8")
        assert "PySide6" not in text.replace("PySide6's", ""), name
        assert "import i3desk" not in text, name
        assert "from i3desk" not in text, name


def test_no_folder_holds_more_modules_than_a_reader_can_survey():
    for package in LAYERS:
        folders = {path.parent for path in modules(package).values()}
        assert not [str(folder) for folder in folders if len(list(folder.glob("*.py"))) > MOST_MODULES]


def test_light_modules_bring_no_heavy_library():
    """In one child process: after each import, none of the heavy libraries may be there."""
    code = (
        "import importlib, sys\n"
        "light, heavy = sys.argv[1].split(), set(sys.argv[2].split())\n"
        "for name in light:\n"
        "    importlib.import_module(name)\n"
        "    if found := heavy & set(sys.modules): sys.exit(f'{name} brings {found}')\n"
    )
    command = [sys.executable, "-c", code, " ".join(LIGHT_MODULES), " ".join(HEAVY)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
