"""`i3core eval --suite`: what its figures mean, checked by hand and against plain code; and the model card it fills."""

import json
import lzma

import pytest
import torch

from i3core.data.documents import Document
from i3core.evaluation import suite
from i3core.evaluation.report import BEGIN, END
from i3core.evaluation.suite import EvaluatedReply, reply_figures
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator


def given(reply, ended=True, unknown=0):
    return EvaluatedReply("?", reply, ended, 5, unknown)


def exchange(question, answer, source=""):
    messages = {"role": "user", "content": question}, {"role": "assistant", "content": answer}
    return Document(messages=messages, source=source)


def test_reply_figures_match_a_count_by_hand():
    answers = [
        given("I like tea. I like  tea. I like tea and cake"),  # 8 runs of four words, 2 of them again
        given("hello!", ended=False, unknown=3),
        given("see you later, my friend, take care"),  # 4 runs
        given(""),
    ]
    found = suite.copies(
        [answer.reply for answer in answers],
        [
            ("a", exchange("Hello!", "what?")),  # case does not matter, nor who said it
            ("b", exchange("so", "see you  later, my friend, take care")),
            ("a", Document(text="See you later, my friend, take care")),
            ("c", Document(text="See you later, my friend, take care!")),
        ],
    )
    figures = reply_figures(answers, found)
    assert figures.count == 4
    assert figures.ended == 3 / 4
    assert figures.characters == (44 + 6 + 35) / 4
    assert figures.repeated == pytest.approx(2 / 12)
    assert figures.unknown == 3
    assert figures.copied == {"a": 2, "b": 1}
    assert figures.copied_long == {"a": 1, "b": 1}


def test_replies_are_those_of_generate(model, monkeypatch):
    monkeypatch.setitem(suite.SAMPLING, "max_new_tokens", 24)
    prompts = [f"hello number {number}" for number in range(20)]  # more than are decoded at once
    for number, answer in enumerate(suite.answer(model, prompts)):
        messages = [{"role": "user", "content": prompts[number]}]
        pieces = list(Generator(model).stream(messages, SamplingConfig(seed=number, **suite.SAMPLING)))
        assert answer.reply == "".join(piece.text for piece in pieces).strip()
        assert answer.ended == (pieces[-1].finish_reason == "stop")
        assert answer.unknown == sum(piece.token_id == 0 for piece in pieces)


def test_question_scores_match_one_answer_at_a_time(model, build):
    """The likelihoods, without batches and padding; and which answer that chooses."""
    options = [answer for _, answer in build.chat]

    def plain(question, option):
        template = model.template
        asked = template.encode_turn({"role": "user", "content": question}) + template.reply_opening()
        said = template.encode_turn({"role": "assistant", "content": option})[1:]
        total, ids = 0.0, list(asked)
        for token in said:
            with torch.inference_mode():
                total += float(model.network(torch.tensor([ids]))[0, -1].log_softmax(0)[token])
            ids.append(token)
        return total / len(option)

    chosen = 0
    for question, true in build.chat:
        expected = [plain(question, option) for option in options]
        assert suite.log_likelihoods(model, question, options) == pytest.approx(expected, rel=1e-4)
        chosen += max(options, key=lambda option: plain(question, option)) == true
    figures = suite.ask(model, build.chat)  # four answers in all, so every question has them all to choose from
    assert figures.chosen == chosen / 4
    assert figures.count == 4


def test_model_that_knows_the_answer_scores_exactly(model, build):
    said = model.template.encode_turn({"role": "assistant", "content": "yes, by the sea."})[1:]
    asked = model.template.encode_turn({"role": "user", "content": "cat?"})
    knowing = build.forced(model, [0] * len(asked) + said + [0] * 64)
    pairs = [("cat?", "Yes,  by the sea."), ("cat?", "no, it is in the house."), ("cat?", "a fish, and a boat.")]
    figures = suite.ask(knowing, pairs)
    assert figures.exact == pytest.approx(1 / 3)
    assert figures.chosen == pytest.approx(1 / 3)


@pytest.fixture
def data(tmp_path, build):
    records = [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}], "src": "tinytalks"}
        for q, a in build.chat
    ]
    records.append({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "src": "x"})
    for folder in ("heldout", "train"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    with lzma.open(tmp_path / "data/heldout/chat.jsonl.xz", "wt") as file:
        file.write("\n".join(map(json.dumps, records)))
    (tmp_path / "data/heldout/text.jsonl").write_text(json.dumps({"text": build.story, "src": "story"}))
    (tmp_path / "data/train/chat.jsonl").write_text("\n".join(map(json.dumps, records)))
    return tmp_path / "data"


def test_suite_command_reports_and_fills_the_card(cli, build, data, tmp_path, monkeypatch):
    assets = tmp_path / "assets"
    (assets / "evaluation").mkdir(parents=True)
    asked = {"prompts": ["hello!", "and you?"], "conversations": [["hello!", "a | b"], ["who?"]]}
    (assets / "evaluation/suite.json").write_text(json.dumps(asked))
    items = [{"ask": "who?", "accept": "."}, {"ask": ["hello!", "and you?"], "accept": "^$"}]
    skills = {"leads": [["hello!", "so"]], "skills": {"talk": items[:1], "silence": items[1:]}}
    (assets / "evaluation/skills.json").write_text(json.dumps(skills))
    monkeypatch.setattr("i3core.system.assets.root", lambda: assets)
    monkeypatch.setitem(suite.SAMPLING, "max_new_tokens", 12)  # the figures are checked, not how long replies are
    folder = build.folder(tmp_path / "model")
    card = tmp_path / "README.md"
    card.write_text(f"# mine\n\n{BEGIN}\nold\n{END}\n\nafter\n")

    outcome = cli("eval", folder, data, "--suite", "--json", "--card", card)
    content = outcome.json
    assert "reading chat.jsonl.xz" in outcome.err
    assert list(content["held_out"]) == ["chat", "text"]
    assert list(content["held_out"]["chat"]) == ["all", "tinytalks", "x"]
    alone = cli("eval", folder, data / "heldout/text.jsonl", "--json").json
    assert content["held_out"]["text"]["story"]["loss"] == pytest.approx(alone["loss"])
    assert list(content["questions"]) == ["tinytalks"]
    assert content["replies"]["count"] == 2
    assert {name: row["count"] for name, row in content["skills"].items()} == {"all": 2, "talk": 1, "silence": 1}
    assert [len(messages) for messages in content["conversations"]] == [4, 2]
    assert content["conversations"][0][2] == {"role": "user", "content": "a | b"}

    text = card.read_text()
    assert text.startswith(f"# mine\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "old" not in text
    assert f"| chat, all | {content['held_out']['chat']['all']['bits_per_character']:.3f} |" in text
    assert "| you | a \\| b |" in text
    assert f"| talk | {100 * content['skills']['talk']['alone']:.1f} % |" in text

    shown = cli("eval", folder, data, "--suite").out
    assert "replies that end by themselves" in shown
    assert f"  hello! -> {content['answers'][0]['reply']}".rstrip() in shown
    assert "Conversation 2" in shown


def test_suite_command_refuses_bad_arguments_at_once(cli, build, data, tmp_path):
    folder = build.folder(tmp_path / "model")
    cli("eval", folder, tmp_path, "--suite").fails("heldout")
    cli("eval", folder, data, "--card", tmp_path / "README.md").fails("--suite")
    cli("eval", folder, data, "--suite", "--by-source").fails("--by-source")
    cli("eval", folder, data, "--suite", "--card", tmp_path / "none.md").fails("none.md")
    (tmp_path / "plain.md").write_text("nothing")
    cli("eval", folder, data, "--suite", "--card", tmp_path / "plain.md").fails(BEGIN)
    assert (tmp_path / "plain.md").read_text() == "nothing"


def test_prompts_are_different_and_plain_ascii():
    """80 different prompts and 40 conversations, all in what any i3 vocabulary can write."""
    asked = json.loads(suite.assets.path("evaluation/suite.json").read_text())
    assert len(set(asked["prompts"])) == 80
    assert [len(turns) for turns in asked["conversations"]] == [8] * 40
    turns = [*asked["prompts"], *(turn for turns in asked["conversations"] for turn in turns)]
    assert all(turn.isascii() and turn == turn.lower() for turn in turns)
