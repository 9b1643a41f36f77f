"""The evaluation suite of `i3core eval --suite`: figures that can be compared between model versions.

Held-out text by source, skills, replies to fixed prompts with fixed seeds, multiple-choice questions, and whole
conversations to read. Prompts and conversations are in `assets/evaluation/suite.json`, skills in `skills.json`.
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
from ..generation.config import SamplingConfig
from ..generation.generator import Generator
from ..generation.sequence import TokenSequence
from ..system import assets
from ..system.files import read_json
from ..text.chat_template import ChatTemplate, Message
from .decoding import decode
from .perplexity import Evaluation, evaluate_by_source
from .skills import SkillFailure, SkillFigures, measure_skills, read_skills

SAMPLING = {
    "temperature": SamplingConfig().temperature,  # as people talk with it
    "max_new_tokens": SamplingConfig().max_new_tokens,
    "allow_unk": True,  # so that it is counted
}
QUESTION_SOURCES = ("tinytalks", "personality_friendly")
CHOICES = 4  # answers to a multiple-choice question
LONG_REPLY = 6  # words; a shorter copied reply is a common phrase


@dataclass(frozen=True)
class EvaluatedReply:
    """The reply to one prompt.

    `ended`: before the limit. `unknown`: number of `<UNK>` tokens.
    """

    prompt: str
    reply: str
    ended: bool
    tokens: int
    unknown: int


@dataclass(frozen=True)
class ReplyFigures:
    """Figures of all replies.

    Attributes:
        count: number of prompts.
        ended: share of replies that ended before the limit.
        characters: mean length.
        repeated: share of 4-grams of words that occurred earlier in the same reply.
        unknown: number of `<UNK>` tokens.
        copied: for each source, number of replies that equal a text of its training data (except for case and spaces).
        copied_long: the same for replies of at least LONG_REPLY words.
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
    """Figures of one source of questions.

    Attributes:
        count: number of questions.
        chosen: share in which the true answer is likelier, per character, than three others of the same source.
        exact: share in which the greedy reply is the true answer.
    """

    count: int
    chosen: float
    exact: float


@dataclass(frozen=True)
class SuiteReport:
    """All results; `held_out` and `questions` by source, `skills` by skill, "all" first."""

    model: str
    parameters: int
    held_out: dict[str, dict[str, Evaluation]]
    skills: dict[str, SkillFigures]
    skill_failures: list[SkillFailure]
    replies: ReplyFigures
    questions: dict[str, QuestionFigures]
    answers: list[EvaluatedReply]
    conversations: list[list[Message]]


def run_suite(model: Model, data: str | Path, progress: Callable[[str], None] = lambda what: None) -> SuiteReport:
    """Evaluate `model` on the held-out files of `data`.

    Search its training files, if any, for copied replies.

    Args:
        data: a folder with `heldout/` (chat and text files, records with a `src`) and optionally `train/`.
        progress: called with the current activity.

    Raises DataError if there are no held-out files, or one cannot be read.
    """
    data = Path(data)
    files = _files(data / "heldout")
    if not files:
        raise DataError(f"{data} has no folder `heldout` with data files.", "Name the parent folder.")
    prompts = read_json(assets.path("evaluation/suite.json"))
    held_out, questions = {}, {}
    for file in files:
        progress(f"reading {file.name}")
        documents = list(read_documents(file, vocab_size=model.tokenizer.vocab_size))
        held_out[file.name.split(".")[0]] = evaluate_by_source(model.network, model.template, model.device, documents)
        for source in QUESTION_SOURCES:
            if pairs := _questions(model.template, documents, source):
                progress(f"questions of {source}")
                questions[source] = ask(model, pairs)
    progress("asking by skill")
    skills, failures = measure_skills(model, *read_skills(), SAMPLING)
    progress("answering prompts")
    answers = answer(model, prompts["prompts"])
    progress("holding conversations")
    conversations = [talk(model, turns, 100 * number) for number, turns in enumerate(prompts["conversations"], 1)]
    training = _files(data / "train")
    if training:
        progress("searching for copies")
    documents = (
        (document.source or file.name.split(".")[0], document)
        for file in [*training, *(_own_conversations() if training else [])]
        for document in read_documents(file, on_bad=lambda error: None)
    )
    figures = reply_figures(answers, copies([answer.reply for answer in answers], documents))
    return SuiteReport(
        model.name, model.parameters, held_out, skills, failures, figures, questions, answers, conversations
    )


def answer(model: Model, prompts: Sequence[str]) -> list[EvaluatedReply]:
    """Reply to each prompt; the prompt's number is its seed."""
    replies = [
        TokenSequence(model, [{"role": "user", "content": prompt}], SamplingConfig(seed=number, **SAMPLING))
        for number, prompt in enumerate(prompts)
    ]
    answers = []
    for prompt, pieces in zip(prompts, decode(model, replies), strict=True):
        ids = [piece.token_id for piece in pieces if piece.token_id >= 0]
        text = "".join(piece.text for piece in pieces).strip()
        answers.append(EvaluatedReply(prompt, text, pieces[-1].finish_reason == "stop", len(ids), ids.count(0)))
    return answers


def talk(model: Model, turns: Sequence[str], seed: int) -> list[Message]:
    """Hold a conversation with the user's fixed `turns`; each turn has the next seed."""
    generator, messages = Generator(model), []
    for number, text in enumerate(turns):
        messages.append({"role": "user", "content": text})
        pieces = generator.stream(messages, SamplingConfig(seed=seed + number, **SAMPLING))
        messages.append({"role": "assistant", "content": "".join(piece.text for piece in pieces).strip()})
    return messages


def ask(model: Model, pairs: Sequence[tuple[str, str]], seed: int = 0) -> QuestionFigures:
    """Measure the accuracy on questions and their true answers.

    The likelihood is per character, as in `acc_norm` of EleutherAI's evaluation harness, so that longer answers are not
    penalised. The other choices are answers to other questions, drawn with `seed`.
    """
    draw = random.Random(seed)
    answers = sorted({true for _, true in pairs})
    chosen = 0
    for question, true in pairs:
        others = [other for other in answers if _plain(other) != _plain(true)]
        options = [true, *draw.sample(others, min(CHOICES - 1, len(others)))]
        scores = log_likelihoods(model, question, options)
        chosen += scores[0] == max(scores)
    greedy = SamplingConfig(temperature=0, max_new_tokens=SAMPLING["max_new_tokens"])
    replies = [TokenSequence(model, [{"role": "user", "content": question}], greedy) for question, _ in pairs]
    exact = sum(
        _plain("".join(piece.text for piece in pieces)) == _plain(true)
        for (_, true), pieces in zip(pairs, decode(model, replies), strict=True)
    )
    return QuestionFigures(len(pairs), chosen / len(pairs), exact / len(pairs))


def log_likelihoods(model: Model, question: str, options: Sequence[str]) -> list[float]:
    """Log-probability per character of each reply to `question`, with its end token."""
    template, window = model.template, model.config.window
    prompt = template.encode_turn({"role": "user", "content": question})
    opening = len(template.reply_opening())
    turns = [template.encode_turn({"role": "assistant", "content": option}) for option in options]
    sequences = [[*prompt, *turn][: window + 1] for turn in turns]
    longest = max(map(len, sequences))
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids in sequences], device=model.device.name)
    with torch.inference_mode(), model.device.autocast():
        logprobs = model.network(ids[:, :-1]).log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
    first = len(prompt) + opening - 1
    sums = [float(logprobs[i, first : len(sequence) - 1].sum()) for i, sequence in enumerate(sequences)]
    return [total / max(1, len(option)) for total, option in zip(sums, options, strict=True)]


def copies(replies: Iterable[str], documents: Iterable[tuple[str, Document]]) -> dict[str, set[str]]:
    """For each reply that is a whole turn or text of the training data, the sources that contain it."""
    wanted = {_plain(reply) for reply in replies} - {""}
    found: dict[str, set[str]] = {}
    for source, document in documents:
        for text in document.texts:
            if len(text) < 2000 and (plain := _plain(text)) in wanted:
                found.setdefault(plain, set()).add(source)
    return found


def reply_figures(answers: Sequence[EvaluatedReply], found: dict[str, set[str]]) -> ReplyFigures:
    """Compute the figures of all replies; `found` is what `copies` returned."""
    repeated = total = 0
    for answer in answers:
        words = answer.reply.split()
        runs = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
        total += len(runs)
        repeated += len(runs) - len(set(runs))
    copied, copied_long = Counter(), Counter()
    for answer in answers:
        sources = found.get(_plain(answer.reply), set())
        copied.update(sources)
        copied_long.update(sources if len(answer.reply.split()) >= LONG_REPLY else ())
    count = max(1, len(answers))
    return ReplyFigures(
        count=len(answers),
        ended=sum(answer.ended for answer in answers) / count,
        characters=sum(len(answer.reply) for answer in answers) / count,
        repeated=repeated / max(1, total),
        unknown=sum(answer.unknown for answer in answers),
        copied=dict(copied.most_common()),
        copied_long=dict(copied_long.most_common()),
    )


def _questions(template: ChatTemplate, documents: Sequence[Document], source: str) -> list[tuple[str, str]]:
    """Question and reply of each single exchange of a source."""
    exchanges = [template.as_turns(document.messages) for document in documents if document.source == source]
    return [
        (turns[0]["content"], turns[1]["content"])
        for turns in exchanges
        if [turn["role"] for turn in turns] == ["user", "assistant"]
    ]


def _own_conversations() -> list[Path]:
    """Conversations in the assets that the bundled model is trained on: all but the sample sets for fine-tuning."""
    found = _files(assets.path("data"))
    samples = {sample["file"] for sample in read_json(assets.path("data/samples.json"))} if found else set()
    return [file for file in found if file.name not in samples]


def _files(folder: Path) -> list[Path]:
    names = (".jsonl", ".jsonl.xz", ".jsonl.gz")
    return sorted(file for file in folder.glob("*") if file.name.endswith(names)) if folder.is_dir() else []


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
