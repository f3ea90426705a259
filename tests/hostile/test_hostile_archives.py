"""Archives and files as strangers hand them in: refused with a sentence, or graded like any other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cases import EXERCISES, choose, contained, read_cases
from grading import grade_notebook
from packing_cases import ArchiveCase
from targets import State, look

from grader.containment import Level, remove_folder
from grader.intake import IntakeError, open_hand_in
from grader.notebook import NotebookError, read_notebook

pytestmark = contained


@pytest.mark.parametrize("case", choose(read_cases(ArchiveCase, "archives.toml")))
def test_archive_is_refused_or_graded_like_any_other(
    case: ArchiveCase, targets: dict[str, str], work: Path, clean: State, folder: Path
) -> None:
    said, refused, earned = take_in(case.write(work, targets), work)

    assert bool(refused) == bool(case.refused), refused
    assert re.search(case.refused, refused)
    assert "\n" not in refused
    assert refused or earned == EXERCISES
    assert re.search(case.says, said), said
    assert not re.search("[\x00-\x1f\u202a-\u202e]", said)
    clear(work)
    assert look(folder) == clean


def take_in(archive: Path, work: Path) -> tuple[str, str, tuple[str, ...]]:
    """The notes on a submission; the sentence that refuses it; else what it earns."""
    try:
        submission = open_hand_in(archive, work / "unpacked")
        notebook = submission.require_notebook()
        read_notebook(notebook)
    except (IntakeError, NotebookError) as error:
        return "", str(error), ()
    return " ".join(submission.notes), "", grade_notebook(notebook, Level.FULL).earned


def clear(work: Path) -> None:
    """Remove what the test itself put there."""
    remove_folder(work / "unpacked")
    for path in work.glob("homework.*"):
        path.unlink()
