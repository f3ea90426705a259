"""The documentation shows the references that are stored."""

from __future__ import annotations

from pathlib import Path

from private_tests.reference_tables import format_references

DOCS = Path(__file__).resolve().parents[2] / "docs" / "data.md"


def test_the_documentation_shows_the_stored_references() -> None:
    assert format_references() in DOCS.read_text(encoding="utf-8"), (
        "run `python -m private_tests.reference_tables` and put what it prints into docs/data.md"
    )
