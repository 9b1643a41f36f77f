"""Documents that a program makes are as the program makes them now."""

from __future__ import annotations

from paths import REPOSITORY


def test_command_reference_equals_the_parsers(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "packaging"))
    monkeypatch.setenv("COLUMNS", "40")  # a narrow terminal changes nothing
    from command_reference import PAGE, reference

    assert PAGE.read_text(encoding="utf-8") == reference(), "run python packaging/command_reference.py"
