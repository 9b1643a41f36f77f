"""Shared builders: small text, small vocabularies, small random models, and the command line."""

import contextlib
import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fork_server import ForkServer
from paths import REPOSITORY, SUPPORT

from i3core.checkpoints import checkpoint
from i3core.cli.main import main
from i3core.model.config import ModelConfig, preset
from i3core.model.network import I3Network
from i3core.system import gpu
from i3core.system.device import choose_device
from i3core.text.bpe import BPETokenizer, train_bpe
from i3core.text.chat_template import SPECIAL_ROLES, ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer, build_tokenizer, count_chunks
from i3core.training.config import TrainingConfig

torch.set_num_threads(1)

STORY = (
    "once upon a time there was a little cat who lived in a small house by the sea. the cat liked to sit on the wall "
    "and look at the boats. one day a boat came in with a big red sail, and the cat went to see who was in it. there "
    'was an old man with a basket of fish! "hello, little cat," said the man, "are you hungry?" the cat was not '
    "shy. it ate one fish, then two, then three, and they were friends from that day on."
)
CHAT = [
    ("hello!", "hi there, how are you today?"),
    ("what do you like to do?", "i like to sit by the sea and look at the boats."),
    ("tell me about the cat.", "the cat is small and likes fish."),
    ("what is your name?", "my name is not so important, but you can call me i3."),
]


class Build:
    """Makes test objects; everything it makes depends on its arguments alone."""

    story = STORY
    chat = CHAT

    @functools.cache  # noqa: B019 (there is one Build)
    def tokenizer(self, special: bool = True, size: int = 300) -> ChunkTokenizer:
        texts = [STORY, *(text for exchange in CHAT for text in exchange)]
        texts += [] if special else [f"[INST] {question} [/INST] {answer} " for question, answer in CHAT]
        return build_tokenizer(count_chunks(texts), size, 1, SPECIAL_ROLES if special else ())

    def network(self, config: ModelConfig, seed: int = 0) -> I3Network:
        """A network whose every part matters: recurrences with long memory, attention far from uniform."""
        source = torch.Generator().manual_seed(seed)
        network = I3Network(config)
        with torch.no_grad():
            for name, weight in network.named_parameters():
                noise = torch.randn(weight.shape, generator=source)
                if name.endswith("w_mix") or "time_mix" in name:
                    weight.copy_(torch.rand(weight.shape, generator=source))
                elif name.endswith("time_decay"):
                    weight.copy_(1.5 * noise - 1)
                elif name.endswith("hybrid.A"):
                    weight.copy_(noise * 0.5 / weight.shape[0] ** 0.5 + 0.4 * torch.eye(weight.shape[0]))
                elif ".ln" in name or name.startswith("ln_f"):
                    weight.copy_((1.0 if name.endswith("weight") else 0.0) + 0.1 * noise)
                else:
                    weight.copy_(0.3 * noise)
        return network.eval()

    @functools.cache  # noqa: B019
    def bpe(self, special: bool = True, size: int = 400) -> BPETokenizer:
        texts = [STORY.title(), STORY, *(text for exchange in CHAT for text in exchange)]
        return train_bpe(texts, size, SPECIAL_ROLES if special else ())[0]

    def model(self, special: bool = True, seed: int = 0, kind: str = "chunk", **sizes) -> checkpoint.Model:
        tokenizer = self.bpe(special) if kind == "bpe" else self.tokenizer(special)
        config = preset("tiny", vocab_size=tokenizer.vocab_size, **sizes)
        template = ChatTemplate.for_model(tokenizer)
        device = choose_device("cpu", "float32")
        return checkpoint.Model(self.network(config, seed), tokenizer, config, template, device, "built", None, {})

    def folder(self, folder: Path, layout: str = "safetensors", **options) -> Path:
        checkpoint.save(self.model(**options), folder, layout)
        return folder

    def conversations(self, path: Path, copies: int = 1) -> Path:
        """A .jsonl file of the conversations in CHAT, one exchange each; copies ask in other words."""
        words = list(dict.fromkeys(re.findall("[a-z]+", STORY)))
        starts = ["", *(f"{words[n % len(words)]} {words[n // len(words)]} " for n in range(1, copies))]
        lines = [
            json.dumps({"messages": [{"role": "user", "content": start + q}, {"role": "assistant", "content": a}]})
            for start in starts
            for q, a in CHAT
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def forced(self, model: checkpoint.Model, ids: list[int]) -> checkpoint.Model:
        """A model that at position p always says ids[p] next, whatever it has read (the window's length of them)."""
        config = dataclasses.replace(
            model.config,
            d_model=2 * model.config.window,
            n_heads=4,
            hybrid_layers=1,
            attention_layers=1,
            tie_embeddings=False,
        )
        network = I3Network(config)
        with torch.no_grad():
            for weight in network.parameters():
                weight.zero_()
            network.ln_f.weight.fill_(1.0)
            codes = torch.eye(config.window, config.d_model)  # which position it is, all but orthogonal
            network.pos_embed.weight.copy_(codes)
            for position, token in enumerate(ids[: config.window]):
                network.head.weight[token] += codes[position]
        return dataclasses.replace(model, network=network.eval(), config=config)


@pytest.fixture(scope="session")
def build() -> Build:
    return Build()


@pytest.fixture(scope="session")
def model(build) -> checkpoint.Model:
    return build.model()


@pytest.fixture
def folder(build, tmp_path) -> Path:
    """A model folder that a test may damage."""
    return build.folder(tmp_path / "model")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    def fails(self, *words: str, status: int = 1) -> None:
        """Asserts a clean failure: the status, one line on stderr (besides warnings) that holds `words`."""
        lines = [line for line in self.err.splitlines() if not line.startswith("i3core: warning:")]
        assert self.status == status, self
        assert len(lines) == 1, self.err
        assert lines[0].startswith("i3core: "), self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word.lower() in lines[0].lower(), self.err


@pytest.fixture
def cli(capsys):
    """Runs the `i3core` command in this process."""

    def run(*arguments) -> Outcome:
        capsys.readouterr()
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as end:  # argparse
            status = end.code
        return Outcome(status, *capsys.readouterr())

    return run


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(SUPPORT))),
        "OMP_NUM_THREADS": "1",
        "PYTHONUTF8": "1",
    }


@pytest.fixture
def start_environment():
    """The environment of a child process that finds this checkout."""
    return environment


@pytest.fixture(scope="session")
def fork_server(own_cache):
    """Server for child processes that start in milliseconds; None if the system cannot fork."""
    if not hasattr(os, "fork"):
        yield None
        return
    server = ForkServer(environment())
    yield server
    server.close()


@pytest.fixture
def start_process(tmp_path, fork_server):
    """Start `python -m i3core` or `code` as a running process that ends after the test.

    With `fresh` it is a new interpreter without imports, otherwise a fork of one that has torch loaded. `variables` are
    added to its environment.
    """
    started = []

    def start(
        *arguments, code: str | None = None, fresh: bool = False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, cwd=tmp_path, **variables: str,
    ):  # fmt: skip
        arguments = [*map(str, arguments)]
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "env": environment() | variables, "cwd": cwd}
        if fresh or fork_server is None:
            command = [sys.executable, *(["-c", code] if code else ["-m", "i3core"]), *arguments]
            child = subprocess.Popen(command, encoding="utf-8", **streams)
        else:
            child = fork_server.start(arguments, code=code, **streams)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


@pytest.fixture
def process(start_process):
    """Run `python -m i3core` or `code` to its end; `fresh` as in start_process."""

    def run(*arguments, stdin: str = "", code: str | None = None, fresh: bool = False) -> Outcome:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        child = start_process(*arguments, code=code, fresh=fresh, **pipes)
        out, err = child.communicate(stdin, timeout=120)
        return Outcome(child.returncode, out, err)

    return run


SHARED = REPOSITORY.parent / "shared"  # larger data that is not part of the project


@pytest.fixture(scope="session", params=["tests", *(["shared"] if (SHARED / "golden").is_dir() else [])])
def golden(request, tmp_path_factory) -> Path:
    """A model folder of the public training code, with what that code computed from it; see tests/golden/README.md."""
    if request.param == "shared":
        return SHARED / "golden" / "open-i3-small"
    folder = tmp_path_factory.mktemp("golden") / "open-i3-small"
    shutil.copytree(REPOSITORY / "tests" / "golden" / "open-i3-small", folder)
    with np.load(folder / "weights.npz") as weights:
        state = {name: torch.from_numpy(weights[name]).float() for name in weights}
    for name in ("pytorch_model.bin", "initial_weights.bin"):
        torch.save(state, folder / name)
    return folder


@pytest.fixture(scope="session", params=["tests", *(["shared"] if (SHARED / "golden").is_dir() else [])])
def golden_200m(request, tmp_path_factory) -> Path:
    """The same of the public code of i3-200M, which writes no config.json; only the shared folder has its training."""
    if request.param == "shared":
        return SHARED / "golden" / "open-i3-200m-small"
    folder = tmp_path_factory.mktemp("golden") / "open-i3-200m-small"
    shutil.copytree(REPOSITORY / "tests" / "golden" / "open-i3-200m-small", folder)
    with np.load(folder / "weights.npz") as weights:
        torch.save({name: torch.from_numpy(weights[name]) for name in weights}, folder / "model_iter_1000.pt")
    return folder


@pytest.fixture(scope="session")
def held_out() -> Path:
    """The folder of held-out text, which lies beside the checkout."""
    folder = SHARED / "data" / "heldout"
    if not folder.is_dir():
        pytest.skip("the held-out text ../shared/data/heldout is not here")
    return folder


@pytest.fixture(scope="session")
def training_material(build, tmp_path_factory):
    """A folder with a vocabulary, conversations, a story and a model to fine-tune."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "vocab.json").write_text(json.dumps(build.tokenizer().to_json()))
    build.conversations(folder / "chat.jsonl", 10)
    (folder / "story.txt").write_text(build.story)
    build.folder(folder / "model")
    return folder


@pytest.fixture
def material(training_material) -> Path:
    return training_material


@pytest.fixture
def config(material, tmp_path):
    """A short pre-training run on conversations; changes by keyword."""

    def make(**changes):
        values = {
            "data": (str(material / "chat.jsonl"),), "out": str(tmp_path / "run"), "preset": "tiny",
            "tokenizer": str(material / "vocab.json"), "steps": 8, "batch_size": 2, "lr": 3e-3, "warmup_steps": 2,
            "eval_every": 4, "checkpoint_every": 4, "sample_prompts": (), "device": "cpu", "val_share": 0.1,
        }  # fmt: skip
        if "model" in changes:
            del values["preset"], values["tokenizer"]
        return TrainingConfig(**{**values, **changes})

    return make


KERNELS = ["sm_75", "sm_80", "sm_86", "sm_90a", "sm_120", "compute_120"]  # of a build for CUDA 13


@pytest.fixture
def pretended_cards(monkeypatch):
    """Makes torch name cards of these compute capabilities, on which a product works."""

    def pretend(*capabilities):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {str(index).removeprefix('cuda:')}")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: capabilities[index])
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: KERNELS)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
        monkeypatch.setattr(torch.cuda, "device", lambda name: contextlib.nullcontext())
        monkeypatch.setattr(gpu, "check_product", lambda index: None)

    return pretend
