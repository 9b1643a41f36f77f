"""Documents that a program makes are as the program makes them now."""

from __future__ import annotations

from paths import REPOSITORY


def test_command_reference_equals_the_parsers(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "packaging"))
    monkeypatch.setenv("COLUMNS", "40")  # a narrow terminal changes nothing
    from command_reference import PAGE, reference

    assert PAGE.read_text(encoding="utf-8") == reference(), "run python packaging/command_reference.py"


def test_long_checks_run_in_one_command() -> None:
    """Every script that the documents quote, so that a figure in them can be measured again."""
    command = (REPOSITORY / "tests" / "long" / "all.sh").read_text(encoding="utf-8")
    scripts = [path.name for path in (REPOSITORY / "tests" / "long").glob("*.py")]
    assert len(scripts) >= 10
    assert [name for name in scripts if f"check tests/long/{name}" not in command] == []
    speed = (REPOSITORY / "docs" / "speed.md").read_text(encoding="utf-8")
    assert "sh tests/long/all.sh" in speed
