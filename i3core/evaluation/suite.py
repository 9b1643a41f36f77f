"""How well a model talks, in figures that can be compared from one version to the next: `i3core eval --suite`.

Held-out text by source, replies to fixed prompts with fixed seeds, simple questions with a choice of answers, and whole
conversations to read. What is asked is in `assets/evaluation/suite.json`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..checkpoints.checkpoint import Model
from ..data.documents import Document, read_documents
from ..errors import DataError
from ..generation.batch_generator import BatchGenerator
from ..generation.config import SamplingConfig
from ..generation.generator import Generator
from ..generation.outputs import Piece
from ..generation.sequence import TokenSequence
from ..system import assets
from ..system.files import read_json
from ..text.chat_template import Message
from .perplexity import Evaluation, evaluate_by_source

SAMPLING = {"temperature": 0.7, "max_new_tokens": 160, "allow_unk": True}  # `<UNK>` shows if the model wants it
QUESTION_SOURCES = ("tinytalks", "personality_friendly")
CHOICES = 4  # answers to choose from
LONG_REPLY = 6  # words from which a copied reply is no mere phrase


@dataclass(frozen=True)
class EvaluatedReply:
    """The reply to one prompt. `ended`: by itself, not by the limit. `unknown`: `<UNK>` among its tokens."""

    prompt: str
    reply: str
    ended: bool
    tokens: int
    unknown: int


@dataclass(frozen=True)
class ReplyFigures:
    """Over all answers.

    Attributes:
        count: prompts.
        ended: share of replies that ended by themselves.
        characters: their mean length.
        repeated: share of runs of four words that stood in the same reply before.
        unknown: `<UNK>` tokens.
        copied: for each source, how many replies stand in its training data to the letter (case and spaces aside).
        copied_long: likewise, of replies of six words and more.
    """

    count: int
    ended: float
    characters: float
    repeated: float
    unknown: int
    copied: dict[str, int]
    copied_long: dict[str, int]


@dataclass(frozen=True)
class QuestionFigures:
    """Of one source of questions.

    Attributes:
        count: questions.
        chosen: share in which the true answer is likelier, per character, than three others of the same source.
        exact: share in which the greedy reply is the true answer.
    """

    count: int
    chosen: float
    exact: float


@dataclass(frozen=True)
class SuiteReport:
    """All of it; `held_out` and `questions` by source, "all" first; `conversations` as lists of messages."""

    model: str
    parameters: int
    held_out: dict[str, dict[str, Evaluation]]
    replies: ReplyFigures
    questions: dict[str, QuestionFigures]
    answers: list[EvaluatedReply]
    conversations: list[list[Message]]


def run_suite(model: Model, data: str | Path, progress: Callable[[str], None] = lambda what: None) -> SuiteReport:
    """Measures `model` with the held-out files of `data`, and looks for copies in its training files if there are any.

    Args:
        data: a folder with `heldout/` (chat and text files, records with a `src`) and perhaps `train/`.
        progress: receives what is being done.

    Raises DataError: no held-out files, or one that cannot be read.
    """
    data = Path(data)
    files = _files(data / "heldout")
    if not files:
        raise DataError(f"{data} holds no folder `heldout` with data files.", "Name the folder above it.")
    asked = read_json(assets.path("evaluation/suite.json"))
    held_out, questions = {}, {}
    for file in files:
        progress(f"reading {file.name}")
        documents = list(read_documents(file, vocab_size=model.tokenizer.vocab_size))
        held_out[file.name.split(".")[0]] = evaluate_by_source(model.network, model.template, model.device, documents)
        for source in QUESTION_SOURCES:
            if pairs := _questions(documents, source):
                progress(f"questions of {source}")
                questions[source] = ask(model, pairs)
    progress("answering prompts")
    answers = answer(model, asked["prompts"])
    progress("talking")
    conversations = [talk(model, turns, 100 * number) for number, turns in enumerate(asked["conversations"], 1)]
    training = _files(data / "train")
    if training:
        progress("looking for copies")
    documents = (
        (document.source or file.name.split(".")[0], document)
        for file in [*training, *(_own_conversations() if training else [])]
        for document in read_documents(file, on_bad=lambda error: None)
    )
    figures = reply_figures(answers, copies([given.reply for given in answers], documents))
    return SuiteReport(model.name, model.parameters, held_out, figures, questions, answers, conversations)


def answer(model: Model, prompts: Sequence[str]) -> list[EvaluatedReply]:
    """The reply to each prompt; the prompt's number is its seed."""
    replies = [
        TokenSequence(model, [{"role": "user", "content": prompt}], SamplingConfig(seed=number, **SAMPLING))
        for number, prompt in enumerate(prompts)
    ]
    answers = []
    for prompt, pieces in zip(prompts, _decode(model, replies), strict=True):
        ids = [piece.token_id for piece in pieces if piece.token_id >= 0]
        text = "".join(piece.text for piece in pieces).strip()
        answers.append(EvaluatedReply(prompt, text, pieces[-1].finish_reason == "stop", len(ids), ids.count(0)))
    return answers


def talk(model: Model, turns: Sequence[str], seed: int) -> list[Message]:
    """A conversation in which the user says `turns`, whatever the model replies; each turn has the next seed."""
    generator, messages = Generator(model), []
    for number, text in enumerate(turns):
        messages.append({"role": "user", "content": text})
        pieces = generator.stream(messages, SamplingConfig(seed=seed + number, **SAMPLING))
        messages.append({"role": "assistant", "content": "".join(piece.text for piece in pieces).strip()})
    return messages


def ask(model: Model, pairs: Sequence[tuple[str, str]], seed: int = 0) -> QuestionFigures:
    """Accuracy on questions and their true answers.

    The likelihood is per character, as in `acc_norm` of EleutherAI's evaluation harness: longer answers are not
    punished. Other answers to choose from are those of other questions, drawn with `seed`.
    """
    draw = random.Random(seed)
    answers = sorted({true for _, true in pairs})
    chosen = 0
    for question, true in pairs:
        others = [other for other in answers if _plain(other) != _plain(true)]
        options = [true, *draw.sample(others, min(CHOICES - 1, len(others)))]
        scores = _likelihoods(model, question, options)
        chosen += scores[0] == max(scores)
    greedy = SamplingConfig(temperature=0, max_new_tokens=SAMPLING["max_new_tokens"])
    replies = [TokenSequence(model, [{"role": "user", "content": question}], greedy) for question, _ in pairs]
    exact = sum(
        _plain("".join(piece.text for piece in pieces)) == _plain(true)
        for (_, true), pieces in zip(pairs, _decode(model, replies), strict=True)
    )
    return QuestionFigures(len(pairs), chosen / len(pairs), exact / len(pairs))


def _likelihoods(model: Model, question: str, options: Sequence[str]) -> list[float]:
    """Log-probability per character of each reply to `question`, its end included."""
    template, window = model.template, model.config.window
    asked = template.encode_turn({"role": "user", "content": question})
    opening = len(template.reply_opening())
    turns = [template.encode_turn({"role": "assistant", "content": option}) for option in options]
    rows = [[*asked, *turn][: window + 1] for turn in turns]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=model.device.name)
    with torch.inference_mode(), model.device.autocast():
        logprobs = model.network(ids[:, :-1]).log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
    first = len(asked) + opening - 1
    sums = [float(logprobs[i, first : len(row) - 1].sum()) for i, row in enumerate(rows)]
    return [total / max(1, len(option)) for total, option in zip(sums, options, strict=True)]


def copies(replies: Iterable[str], documents: Iterable[tuple[str, Document]]) -> dict[str, set[str]]:
    """For each reply that stands in the training data as a whole turn or text, the sources where it does."""
    wanted = {_plain(reply) for reply in replies} - {""}
    found: dict[str, set[str]] = {}
    for source, document in documents:
        for text in document.texts:
            if len(text) < 2000 and (plain := _plain(text)) in wanted:
                found.setdefault(plain, set()).add(source)
    return found


def reply_figures(answers: Sequence[EvaluatedReply], found: dict[str, set[str]]) -> ReplyFigures:
    """found: see `copies`."""
    repeated = total = 0
    for given in answers:
        words = given.reply.split()
        runs = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
        total += len(runs)
        repeated += len(runs) - len(set(runs))
    copied, copied_long = Counter(), Counter()
    for given in answers:
        sources = found.get(_plain(given.reply), set())
        copied.update(sources)
        copied_long.update(sources if len(given.reply.split()) >= LONG_REPLY else ())
    count = max(1, len(answers))
    return ReplyFigures(
        count=len(answers),
        ended=sum(given.ended for given in answers) / count,
        characters=sum(len(given.reply) for given in answers) / count,
        repeated=repeated / max(1, total),
        unknown=sum(given.unknown for given in answers),
        copied=dict(copied.most_common()),
        copied_long=dict(copied_long.most_common()),
    )


def _decode(model: Model, replies: Sequence[TokenSequence]) -> list[list[Piece]]:
    """The pieces of each reply, decoded many at a time. Raises the I3Error of one that broke off."""
    generator, pieces = BatchGenerator(model), [[] for _ in replies]
    waiting = list(enumerate(replies))[::-1]
    while waiting or len(generator):
        while waiting and generator.has_room:
            generator.add(*waiting.pop())
        for number, piece in generator.advance():
            if not isinstance(piece, Piece):
                raise piece
            pieces[number].append(piece)
    return pieces


def _questions(documents: Sequence[Document], source: str) -> list[tuple[str, str]]:
    """Each single exchange of a source: what is asked, and the reply."""
    exchanges = [document.messages for document in documents if document.source == source]
    return [
        (turns[0]["content"], turns[1]["content"])
        for turns in exchanges
        if [turn["role"] for turn in turns] == ["user", "assistant"]
    ]


def _own_conversations() -> list[Path]:
    """Those in the assets that the bundled model is trained on: all but the sample sets to fine-tune with."""
    found = _files(assets.path("data"))
    samples = {sample["file"] for sample in read_json(assets.path("data/samples.json"))} if found else set()
    return [file for file in found if file.name not in samples]


def _files(folder: Path) -> list[Path]:
    names = (".jsonl", ".jsonl.xz", ".jsonl.gz")
    return sorted(file for file in folder.glob("*") if file.name.endswith(names)) if folder.is_dir() else []


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
