"""The evaluation asks in words that the curriculum does not practise."""

import re

from curriculum.mix import Mixer

from i3core.evaluation.skills import read_skills

RUN = 6  # words


def runs(text):
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


def test_no_prompt_shares_six_words_in_a_row_with_what_users_say_in_the_curriculum():
    asked = {run: turn for prompt in read_skills()[0] for turn in prompt.turns for run in runs(turn)}
    mixer, shared = Mixer(12, {}, []), set()
    for _ in range(2000):
        _, (_, exchanges) = mixer.conversation()
        for said, _ in exchanges:
            shared |= {asked[run] for run in runs(said) & asked.keys()}
    assert not shared
