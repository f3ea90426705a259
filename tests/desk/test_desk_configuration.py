"""`grader.toml`: typed, and an unknown key is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.desk.configuration import Configuration, ConfigurationError, read_configuration


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_configuration(tmp_path / "results") == Configuration()


@pytest.mark.parametrize("place", ["grader.toml", "results/grader.toml"], ids=["beside", "inside"])
def test_what_the_file_says_holds(tmp_path: Path, place: str) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / place).write_text(
        'data_set = "digits"\ngrading_seed = 7\njobs = 2\ntime_zone = "Europe/Berlin"\ndue = 2026-11-20T23:59:00\n'
        "[limits]\nfile_mib = 5\n[late]\npercent_per_day = 10\nextensions = { 10231 = 2026-11-27T23:59:00+01:00 }\n"
    )
    found = read_configuration(tmp_path / "results")

    assert (found.data_set, found.grading_seed, found.jobs, found.limits.file_mib) == ("digits", 7, 2, 5)
    assert found.due is not None
    assert found.to_utc(found.due) == datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
    assert found.late.extensions["10231"].utcoffset() is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("job = 2", "unknown field `job`"),
        ('jobs = "two"', "Expected `int"),
        ("jobs = 0", "`jobs`"),
        ("[limits]\nfile = 1", "unknown field `file`"),
        ('time_zone = "Mars/Base"', "no time zone of that name"),
        ("jobs = ", "Invalid value"),
        ('platform = "studip"', "platform"),
        ("[late]\ncap_percent = 150", "cap_percent"),
        ("[late]\npercent_per_day = -10", "percent_per_day"),
        ("pass_percent = 500", "pass_percent"),
        ("[limits]\nhand_in_timeout_s = 0", "hand_in_timeout_s"),
        ("[limits]\nfile_mib = -1", "file_mib"),
        ("grading_seed = -1", "grading_seed"),
        ('isolation = "some"', "`isolation` is 'some', and may be"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "grader.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        read_configuration(tmp_path / "results")
