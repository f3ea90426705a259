"""Reads what platforms hand out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from platform_sources import Files, Reading, write_folder, write_zip

from grader.desk.cohort import Cohort
from grader.desk.configuration import Configuration
from grader.desk.sources import open_cohort


@pytest.fixture
def read_cohort(tmp_path: Path) -> Iterator[Reading]:
    """Read files as a zip or as a folder."""
    with ExitStack() as opened:

        def read(
            *given: Files | Path, is_packed: bool = True, name: str = "source", **configuration: object
        ) -> Cohort:
            sources = []
            for number, files in enumerate(given):
                place = tmp_path / str(number)
                place.mkdir(exist_ok=True)
                if isinstance(files, Path):
                    sources.append(files)
                elif is_packed:
                    sources.append(write_zip(place / f"{name}.zip", files))
                else:
                    sources.append(write_folder(place / name, files))
            settings = Configuration(time_zone="Europe/Berlin", **configuration)  # type: ignore[arg-type]
            return opened.enter_context(open_cohort(sources, settings))

        yield read
