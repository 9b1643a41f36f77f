"""Make the golden data with the public i3 training code: `python tests/golden/make.py PATH/TO/80m/train.py`.

The module is run as it is; only its imports of wandb and datasets, which nothing here calls, are replaced.
"""

import importlib.util
import json
import os
import random
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "open-i3-small"
ASSETS = HERE.parents[1] / "assets" / "data"
WINDOW, BATCH, STEPS, WARMUP, LR, CLIP = 64, 4, 40, 5, 3e-4, 1.0
TEXTS = [
    "Hello there, how are you today?", "THE Quick brown fox; it's 3 o'clock!\nNew line\tand tab", "", "x",
    "ing ion tio", "  double  spaces  at  ends  ", "é naïve café — “quotes” 😀 日本語 İstanbul ẞ", "a b c d e f g",
    "[INST] do you like tea? [/INST] yes, I like tea.", "that whi thing and the other one" * 3,
]  # fmt: skip


def public_code(path: str) -> Any:
    sys.modules["wandb"] = types.SimpleNamespace(run=None)
    sys.modules["datasets"] = types.SimpleNamespace(load_dataset=None)
    spec = importlib.util.spec_from_file_location("public_train", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts() -> list[str]:
    draw = random.Random(5)
    parts = [*"abcdefghijklmnopqrstuvwxyz .,!?'\n—é", " ", " ", "the", "ing", " s", "e "]
    noise = ["".join(draw.choices(parts, k=draw.randint(1, 50))) for _ in range(140)]
    lines = (ASSETS / "general.txt").read_text(encoding="utf-8").split(". ")
    return TEXTS + noise + lines[:60]


def randomize(model: torch.nn.Module) -> None:
    """Weights that make every part matter, in steps of 1/512 so that they are exact in float16 and compress well."""
    spreads = {"A": 0.15, "B": 0.2, "C": 0.3, "D": 0.5, "w_mix": 0.25}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            last = name.rpartition(".")[2]
            value = torch.randn(weight.shape) * spreads.get(last, 0.08)
            if last == "w_mix":
                value = torch.rand(weight.shape)
            elif "ln" in name and last == "weight":
                value += 1
            weight.copy_((value * 512).round() / 512)


def train(model: torch.nn.Module, tokens: torch.Tensor) -> dict:
    """The public training loop without its logging."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    starts = torch.randint(len(tokens) - WINDOW - 1, (STEPS, BATCH)).tolist()
    log = []
    for step in range(STEPS):
        decay = 0.5 * (1.0 + np.cos(np.pi * (step - WARMUP) / (STEPS - WARMUP)))
        lr = LR * (step + 1) / WARMUP if step < WARMUP else LR * (0.1 + 0.9 * decay)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.zero_grad()
        rows = torch.stack([tokens[start : start + WINDOW + 1] for start in starts[step]])
        _, loss = model(rows[:, :-1].contiguous(), rows[:, 1:].contiguous())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        log.append({"step": step, "lr": float(lr), "loss": loss.item(), "grad_norm": norm.item()})
    return {
        "seq_len": WINDOW, "batch_size": BATCH, "grad_clip": CLIP, "warmup": WARMUP, "steps": STEPS, "starts": starts,
        "log": log,
    }  # fmt: skip


def main(path: str) -> None:
    torch.manual_seed(0)
    public = public_code(path)
    FOLDER.mkdir(exist_ok=True)
    os.chdir(FOLDER)
    story = (ASSETS / "lighthouse.txt").read_text(encoding="utf-8")
    tokenizer = public.ChunkTokenizer()
    tokenizer.build_vocab_from_texts([story])
    tokenizer.save("tokenizer.json")
    cases = [{"text": text, "ids": tokenizer.encode(text)} for text in texts()]
    write("tokenization.json", [case | {"decoded": tokenizer.decode(case["ids"])} for case in cases])
    tokens = torch.tensor(tokenizer.encode(story))
    np.save("tokens.npy", tokens.numpy().astype(np.int16))

    model = public.i3Model(tokenizer.vocab_size, d_model=32, n_heads=16, max_seq_len=WINDOW, d_state=16)
    randomize(model)
    dataset = types.SimpleNamespace(vocab_size=tokenizer.vocab_size, dataset_names=["golden"])
    public.generate_model_files(model, dataset, ".")
    Path("pytorch_model.bin").unlink()
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    assert all((value.astype(np.float16).astype(np.float32) == value).all() for value in state.values())
    np.savez_compressed("weights.npz", **{name: value.astype(np.float16) for name, value in state.items()})

    with torch.no_grad():
        ids = tokens[1000 : 1000 + WINDOW]
        np.savez_compressed("logits.npz", ids=ids.numpy().astype(np.int32), logits=model(ids[None])[0][0].numpy())
        greedy = tokens[:16].tolist()
        while len(greedy) < WINDOW:
            best = model(torch.tensor([greedy]))[0][0, -1].topk(2)
            assert best.values[0] - best.values[1] > 1e-3, "a tie: choose another seed"
            greedy.append(int(best.indices[0]))
        losses = [
            model(tokens[None, start : start + WINDOW], tokens[None, start + 1 : start + WINDOW + 1])[1].item()
            for start in range(0, 20 * WINDOW, WINDOW)
        ]
    content = {
        "prompt": greedy[:16], "greedy": greedy, "text": tokenizer.decode(greedy),
        "loss_first_20_windows": float(np.mean(losses)), "parameters": sum(p.numel() for p in model.parameters()),
    }  # fmt: skip
    write("generation.json", content)
    write("training.json", train(model, tokens))


def write(name: str, content: Any) -> None:
    Path(name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
