"""Texts of an estimate."""

from i3desk.training.estimate import of_total_text, time_text, times_text


def test_times_and_sizes_read_as_people_say_them():
    assert time_text(3) == "about 10 s"
    assert time_text(58) == "about 60 s"
    assert time_text(240) == "about 4 min"
    assert time_text(2.51 * 3600) == "about 2 h 30 min"
    assert time_text(3 * 86_400) == "about 3 days"
    assert of_total_text(0.6e9, 24e9) == "600 MB of 24.0 GB"
    assert [times_text(e) for e in (0.04, 1.0, 3.0, 2.5, 47)] == [
        "4 % of the data", "1 pass over the data", "3 passes over the data", "2.5 passes over the data",
        "47 passes over the data",
    ]  # fmt: skip
