"""The sentence about a fine-tuned model."""

import pytest

from i3core.runs.events import Evaluated
from i3core.runs.outcome import outcome_text


def evaluated(right, kept, held_out=True):
    counts = {"questions": 8, "questions_right": right, "questions_held_out": held_out} if right is not None else {}
    talk = {"everyday": 20, "everyday_kept": kept} if kept is not None else {}
    return Evaluated(1, 1, 1.0, None, None, None, None, False, **counts, **talk)


@pytest.mark.parametrize(
    ("right", "kept", "text", "is_good"),
    [
        (7, 20, "It knows 7 of 8 of your answers in new words and still talks as before.", True),
        (8, 18, "It knows 8 of 8 of your answers in new words and keeps 90 % of its everyday talk.", True),
        (3, 20, "It knows 3 of 8 of your answers in new words, but still talks as before. To mend it, train longer, "
         "or add more ways to ask.", False),
        (8, 4, "It knows 8 of 8 of your answers in new words, but only 20 % of its everyday talk is left. To mend "
         "it, replay more of what it knew, or lower the learning rate.", False),
        (None, 20, "Still talks as before.", True),
        (None, None, "", True),
    ],
)  # fmt: skip
def test_sentence_says_what_it_knows_and_what_to_do(right, kept, text, is_good):
    assert outcome_text(evaluated(right, kept)) == (text, is_good)


def test_questions_that_were_trained_on_are_not_called_new():
    assert outcome_text(evaluated(8, 20, False))[0] == "It knows 8 of 8 of your answers and still talks as before."


def test_shares_and_score():
    look = evaluated(4, 20)
    assert (look.right_percent, look.kept_percent, look.score) == (50, 100, 75)
    assert evaluated(None, None).score is None
