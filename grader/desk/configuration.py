"""`grader.toml`, beside the results: what holds for a whole cohort. What the command line says wins."""

from __future__ import annotations

import tomllib
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ..homework import Homework
from ..isolation import LEVELS
from ..options import MAX_SEED

CONFIGURATION_FILE = "grader.toml"


NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class ConfigurationError(ValueError):
    """`grader.toml` is not as it has to be; the message is one line for the person who wrote it."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file. An unknown key is an error, and so is a value of another type."""


class LateRule(_Part, frozen=True):
    """What a late hand-in costs; nothing, unless it is said.

    percent_per_day: of the points, for each day that has begun after the due date and the grace; cap_percent: the most that is taken
    late_days: days that each party may be late in all without losing anything; extensions: a party's key -> its own due date
    """

    grace_minutes: NotNegative = 0
    percent_per_day: Percent = 0
    cap_percent: Percent = 100
    late_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    extensions: dict[str, datetime] = {}


class BatchLimits(_Part, frozen=True):
    """What a cohort may hold, and how long a hand-in may take.

    file_mib: one file; cohort_gib: a source, unpacked; hand_in_timeout_s: grading one hand-in
    """

    file_mib: Annotated[int, msgspec.Meta(ge=1)] = 200
    cohort_gib: Annotated[int, msgspec.Meta(ge=1)] = 64
    hand_in_timeout_s: Annotated[float, msgspec.Meta(ge=1)] = 7200


class Configuration(_Part, frozen=True):
    """The whole file.

    data_set: None for the homework's own; grading_seed: None to draw one, which is then kept for the cohort; jobs: None for as many as fit
    gradebook: the URL of a database, as SQLAlchemy writes it; empty for a file beside the results
    due: with its offset, or in `time_zone`, as are the hand-in times of platforms that tell no offset
    pass_percent: of the points, from which on one has passed; only ILIAS' plugin asks
    teams: whether ids of Moodle's are of groups; late_prefixes: what ILIAS writes before the name of a late file, in its language
    """

    platform: Literal["ilias", "moodle", "canvas", "gradescope", "github", "folder"] | None = None
    data_set: str | None = None
    grading_seed: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)] | None = None
    jobs: int | None = None
    gradebook: str = ""
    isolation: str | None = None
    due: datetime | None = None
    pass_percent: Percent | None = None
    time_zone: str | None = None
    teams: bool = False
    late_prefixes: tuple[str, ...] = ("Verspaetete Abgabe - ", "Late Submission - ")
    limits: BatchLimits = BatchLimits()
    late: LateRule = LateRule()

    def to_utc(self, time: datetime) -> datetime:
        """A time that states no offset is one of `time_zone`, or of this machine's."""
        if time.tzinfo is None and self.time_zone:
            time = time.replace(tzinfo=zoneinfo.ZoneInfo(self.time_zone))
        return time.astimezone(UTC)

    def tell_time(self, time: datetime) -> str:
        """A time for a person: in `time_zone`, else in UTC."""
        zone = zoneinfo.ZoneInfo(self.time_zone) if self.time_zone else UTC
        return f"{time.astimezone(zone):%Y-%m-%d %H:%M %Z}"


@dataclass(frozen=True)
class BatchSettings:
    """What holds for one batch: the file's settings, as the command line changed them, and what is asked for this time only.

    exercises: None for all; regrade: what of the graded is graded again; scheduler: the URL of a cluster
    """

    homework: Homework
    configuration: Configuration
    exercises: tuple[str, ...] | None = None
    regrade: Literal["changed", "failed", "all"] | None = None
    scheduler: str | None = None


def read_configuration(results: Path) -> Configuration:
    """What `grader.toml` says, in the folder of the results or beside it; the defaults if there is none. Raises ConfigurationError."""
    for path in (results / CONFIGURATION_FILE, results.absolute().parent / CONFIGURATION_FILE):
        if path.is_file():
            return _read(path)
    return Configuration()


def _read(path: Path) -> Configuration:
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Configuration)
        if found.time_zone is not None:
            zoneinfo.ZoneInfo(found.time_zone)
        if found.jobs is not None and found.jobs < 1:
            raise ValueError("`jobs` is less than 1")
        if found.isolation not in (None, *LEVELS):
            raise ValueError(f"`isolation` is {found.isolation!r}, and may be {', '.join(LEVELS)}")
    except zoneinfo.ZoneInfoNotFoundError as error:
        raise ConfigurationError(
            f"{path} can't be used: this machine knows no time zone of that name ({error}). Write, for example, Europe/Berlin."
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} can't be used: {error}.") from error
    return found
