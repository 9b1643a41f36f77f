"""i3-mini's curriculum: remembering, follow-ups, system prompts and whole conversations."""

import json
import os
import re
import subprocess
import sys

import pytest
from curriculum import followups, followups_facts, memory, system_prompt
from curriculum.__main__ import main
from curriculum.core import Writer, held_out, read_table
from curriculum.mix import Mixer, record
from curriculum.told import changed, check, recall, tell, told, yours
from curriculum.units import Units, length
from paths import REPOSITORY

from i3core.evaluation.skills import read_skills
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import build_tokenizer, count_chunks

RECIPE = "assets/models/i3-mini/recipe"
ALLOWED = re.compile(r"[a-z0-9.,?!':\n -]+")
UNITS = {
    f"{module.__name__}.{name}": unit
    for module in (memory, followups, followups_facts)
    for name, (_, unit) in module.UNITS.items()
}
WHOLE = {
    f"{module.__name__}.{name}": made
    for module in (memory, followups, system_prompt)
    for name, (_, made) in module.WHOLE.items()
}
KINDS = list(read_table("remember"))


def check_exchanges(exchanges):
    assert exchanges
    for user, reply in exchanges:
        assert user.strip() == user
        assert ALLOWED.fullmatch(reply), reply
        assert len(reply) < 700
        assert not re.search(r"[\[\]{}|\x01]|  ", user + reply), (user, reply)


@pytest.mark.parametrize("name", UNITS)
def test_units_write_clean_text(name):
    writers = Writer(1), Writer(1)
    for _ in range(200):
        first, second = (UNITS[name](writer) for writer in writers)
        assert first == second
        check_exchanges(first)


@pytest.fixture(scope="module")
def units():
    return Units()


@pytest.mark.parametrize("name", WHOLE)
def test_whole_conversations_write_clean_text(name, units):
    writer = Writer(2)
    for _ in range(60):
        system, exchanges = WHOLE[name](writer, units)
        check_exchanges(exchanges)
        assert not re.search(r"[\[\]{}|\x01]", system)
        assert length(exchanges) < 1400


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_told_is_told_again(kind):
    writer = Writer(3)
    for _ in range(60):
        fact = told(writer, kind)
        value = yours(fact.slots["v"])
        about = fact.about(writer)
        assert value in about
        check_exchanges([tell(writer, fact), recall(writer, fact, alone=False)])
        new = changed(writer, fact)
        if new:
            assert new.key == fact.key
            assert yours(new.slots["v"]) in new.about(writer)
            assert new.slots["v"] != fact.slots["v"]


def test_checks_say_yes_if_it_is_so_and_no_if_not():
    writer = Writer(4)
    answers = set()
    for _ in range(300):
        fact = told(writer, "name")
        user, reply = check(writer, fact)
        right = fact.slots["v"] in re.findall("[a-z]+", user.lower())
        assert reply.startswith(("yes,", "that is right,")) == right
        answers.add(right)
    assert answers == {True, False}


def test_a_value_can_be_given():
    fact = told(Writer(1), "job", "midwife")
    assert fact.about(Writer(1)) == "you work as a midwife"


def test_sums_are_right():
    writer = Writer(5)
    for _ in range(200):
        for _, reply in followups.more_sums(writer):
            ((a, kind, b, result),) = re.findall(r"(\d+) (plus|minus|times) (\d+) is (\d+)\.$", reply)
            assert int(result) == {"plus": int(a) + int(b), "minus": int(a) - int(b), "times": int(a) * int(b)}[kind]


def test_system_prompts_are_followed(units):
    writer = Writer(6)
    for _ in range(100):
        system, exchanges = system_prompt.yes_or_no(writer, units)
        assert system
        assert {reply for _, reply in exchanges} <= {"yes.", "no."}
        system, exchanges = system_prompt.other_name(writer, units)
        names = {name for _, reply in exchanges for name in re.findall(r"\bmy name is ([a-z0-9-]+)", reply)}
        assert len(names) <= 1
        assert all(name in system.lower() for name in names)
    assert system_prompt.third_person("you live in oslo") == "the user lives in oslo"
    assert system_prompt.third_person("your dog is called rex") == "the user's dog is called rex"
    assert system_prompt.third_person("you do not like rain") == "the user does not like rain"
    assert system_prompt.in_style(writer, "by_name", "ana", "it is cold.") == "it is cold, ana."
    assert system_prompt.in_style(writer, "short", "", "it is cold. put on a coat.") == "it is cold."


def test_skills_shares_and_seed(tmp_path):
    lines = []
    for number in (1, 2):
        out = tmp_path / f"{number}.jsonl"
        arguments = [str(out), "--characters", "60_000", "--seed", "4", "--skills", "memory,followups,system"]
        assert main([*arguments, "--shares", "memory=3,followups=1,system=1"]) == 0
        lines.append(out.read_text(encoding="utf-8"))
        assert not list(tmp_path.glob("*.part"))
    assert lines[0] == lines[1]
    records = [json.loads(line) for line in lines[0].splitlines()]
    assert len({json.dumps(record["messages"]) for record in records}) == len(records)
    assert {record["skill"] for record in records} == {"memory", "followups", "system"}
    for one in records:
        roles = [message["role"] for message in one["messages"]]
        system = roles[0] == "system"
        assert system == (one["skill"] == "system")
        assert roles[system:] == ["user", "assistant"] * (len(roles) // 2)
    text = lines[0].lower()
    assert not held_out() & set(re.findall("[a-z]+", text))


def test_the_same_seed_writes_the_same_in_every_process():
    written = []
    for order in ("1", "2"):  # of what is in sets
        command = [sys.executable, "-m", "curriculum", "-", "--show", "400", "--seed", "12"]
        environment = os.environ | {"PYTHONHASHSEED": order, "PYTHONPATH": str(REPOSITORY / RECIPE)}
        written.append(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert written[0] == written[1]


def test_shares_are_kept():
    mixer = Mixer(8, {"memory": 6, "followups": 2, "system": 1}, ["memory", "followups", "system"])
    while sum(mixer.written.values()) < 200_000:
        mixer.conversation()
    of_all = sum(mixer.written.values())
    for skill, share in (("memory", 6 / 9), ("followups", 2 / 9), ("system", 1 / 9)):
        assert mixer.written[skill] / of_all == pytest.approx(share, abs=0.04)


def test_records_are_conversations_for_training():
    mixer = Mixer(7, {}, ["memory", "followups", "system"])
    drawn = [mixer.conversation() for _ in range(50)]
    records = [json.loads(record(skill, conversation)) for skill, conversation in drawn]
    texts = [message["content"] for one in records for message in one["messages"]]
    roles = ("system", "user", "assistant", "end")
    template = ChatTemplate.for_model(build_tokenizer(count_chunks(texts), special_roles=roles))
    for one in records:
        assert len(template.encode_turns(one["messages"])) == len(one["messages"])


def test_no_prompt_of_the_evaluation_is_practised():
    """No run of six words of an evaluated prompt stands in what users say here."""

    def runs(text):
        words = re.findall(r"[a-z0-9']+", text.lower())
        return {tuple(words[start : start + 6]) for start in range(len(words) - 5)}

    prompts = {run for prompt in read_skills()[0] for turn in prompt.turns for run in runs(turn)}
    assert len(prompts) > 100
    writer = Writer(9)
    for unit in UNITS.values():
        for _ in range(100):
            for user, _ in unit(writer):
                assert not prompts & runs(user), user


def test_further_words_can_be_held_out(tmp_path):
    (tmp_path / "words.txt").write_text("name\nremember\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    main([str(out), "--characters", "20000", "--skills", "memory", "--held-out", str(tmp_path / "words.txt")])
    assert not {"name", "remember"} & set(re.findall("[a-z]+", out.read_text(encoding="utf-8").lower()))


@pytest.mark.parametrize(
    ("arguments", "told_of"),
    [
        (["--skills", "cooking"], "Unknown skills: cooking"),
        (["--shares", "memory"], "memory=3,facts=2"),
        (["--characters", "none"], "60_000_000"),
        (["--skills", "memory", "--shares", "memory=0"], "All shares are 0"),
        (["--held-out", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_faulty_options_are_told(arguments, told_of, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out.jsonl"), *arguments])
    assert told_of in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_program_starts_as_a_module(tmp_path):
    recipe = REPOSITORY / "assets/models/i3-mini/recipe"
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "curriculum", str(out), "--characters", "5000", "--skills", "memory"]
    done = subprocess.run(command, cwd=recipe, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "conversations" in done.stderr
    assert out.stat().st_size > 5000
