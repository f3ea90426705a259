"""Golden submissions of part A: each folder of `tests/cases/part_a` is one, with the report that it must get.

A case is data. `case.toml` says what the submission is and what grading it must give:

    what = "The server adds the pseudo-gradients instead of subtracting them."
    points = { "A1.3" = 0.5 }                  # the exercises that lose points: what they get
    says = ["It moved in the opposite direction"]  # each stands in the message of a failed check
    [[change]]
    old = "p -= mean"                          # stands once in the cells of the exercises graded, written by hand
    new = "p += mean"

Every exercise that `points` does not name keeps all its points. The submission is the solved notebook, in which a cell
with a change is that of `right-everything-by-hand`, changed. Files beside `case.toml` are cells too: `TAG.py` replaces
the cell with that tag, and `before.TAG.py` and `after.TAG.py` are cells without a tag beside it. Or the whole file is
there, as `submission.ipynb` or `submission.py`. Further keys of `case.toml` are the fields of `Case`.

By default the quick cases are graded, on the exercises that they touch and on a neighbour. GOLDEN=all grades every case
so, GOLDEN=full every case on all exercises, which takes hours, GOLDEN=none none. GOLDEN_SEED is the grading seed:
with another than the default an exercise must still lose points, though maybe not as many.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
from golden import CASES, KIT, GoldenCase, make_changes, read_cases
from nbformat import NotebookNode

from grader.homework import read_homework
from grader.pages import format_submission
from private_tests.experiments.draws import draw_arguments
from private_tests.experiments.questions import EXPERIMENTS
from private_tests.servers.draws import draw_case
from public_tests.server_runs import SERVERS

NOTEBOOKS = KIT / "notebooks"
TAGS = {exercise.id: exercise.tags for exercise in read_homework(KIT).exercises if exercise.tags}

DEFAULT_SEED = "1"
SEED = os.environ.get("GOLDEN_SEED", DEFAULT_SEED)
EXTENT = os.environ.get("GOLDEN", "quick")  # or `all`, `full`, `none`
FULL = EXTENT == "full"
WORKERS = int(os.environ.get("GOLDEN_WORKERS", min(2, os.cpu_count() or 1)))
NEIGHBOURS = ("A1.2", "A1.1")  # the cheapest exercises: a mistake elsewhere must leave them alone


@dataclass(frozen=True, kw_only=True)
class Case(GoldenCase):
    """A submission, and what grading it must give.

    check: exercises to grade where not all are; by default those that lose points, and a neighbour
    refused: part of the one line with which a file that can't be read is refused, instead of a score
    like: the case whose cells are changed
    cells: changes to the cell with a tag: its `tags`, its `kind`, in how many `copies` it is there
    base: the notebook of `notebooks/` that the cells change
    format: `nbformat 4`, `nbformat 3`, `text tags` (a string for the list of tags), `no tags` or `jupytext`
    packed: as what the notebook is handed in: as it is, in a `folder`, or in a `zip`
    beside: then, by name, files of the kit that lie beside it
    lacking: the exercises that need the instructor, since a machine lacks what they rely on
    python: the version that last ran the notebook, by its metadata
    limits: the kernel's limits where they differ from the homework's
    seconds: after which grading counts as stuck
    """

    points: Mapping[str, float] = field(default_factory=dict)
    check: tuple[str, ...] = ()
    refused: str = ""
    like: str = "right-everything-by-hand"
    cells: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    base: str = "homework_1_solved"
    format: str = "nbformat 4"
    packed: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    python: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 900.0

    @property
    def exercises(self) -> list[str]:
        if self.check:
            return list(self.check)
        others = [exercise for exercise in NEIGHBOURS if exercise not in self.points]
        return [*self.points, *others[:1]]

    @property
    def is_whole_file(self) -> bool:
        """Whether the case brings a file of its own, which may have only some of the cells."""
        return any(self.folder.glob("submission.*"))

    @property
    def source(self) -> Path:
        return NOTEBOOKS / f"{self.base}.ipynb"


ALL = read_cases(Case, "part_a")


# --- making the submission ----------------------------------------------------------------------------------


def make_submission(case: Case, folder: Path) -> Path:
    """Write the case's submission into `folder`."""
    for suffix in (".ipynb", ".py"):
        whole = case.folder / f"submission{suffix}"
        if whole.exists():
            return Path(shutil.copy(whole, folder / whole.name))
    notebook = change_base(case)
    if case.format == "jupytext":
        path, text = folder / "submission.py", jupytext.writes(notebook, fmt="py:percent")
    elif case.format == "nbformat 3":
        path, text = folder / "submission.ipynb", nbformat.writes(notebook, version=3)  # type: ignore[no-untyped-call]
    else:
        for cell in notebook.cells:
            tags = cell.metadata.pop("tags", [])
            if case.format != "no tags":
                cell.metadata["tags"] = " ".join(tags) if case.format == "text tags" else tags
        path, text = folder / "submission.ipynb", json.dumps(notebook)
    path.write_text(text, encoding="utf-8")
    return pack(case, path, folder / "packed")


def pack(case: Case, notebook: Path, folder: Path) -> Path:
    """What the notebook is handed in as."""
    if not case.packed:
        return notebook
    folder.mkdir()
    notebook.rename(folder / notebook.name)
    for name, file in case.beside.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(KIT / file, folder / name)
    return folder if case.packed == "folder" else Path(shutil.make_archive(str(folder), "zip", folder))


def change_base(case: Case) -> NotebookNode:
    """The solved notebook, or the one that the case names, with the case's cells in it."""
    notebook: NotebookNode = nbformat.read(case.source, as_version=4)  # type: ignore[no-untyped-call]
    answers = read_answers(case)
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        tag = next(iter(cell.metadata.get("tags", [])), None)
        if tag is None:
            cells.append(cell)
            continue
        cell.source = answers.get(tag, cell.source)
        changes = case.cells.get(tag, {})
        if "tags" in changes:
            cell.metadata["tags"] = changes["tags"]
        cell.cell_type = changes.get("kind", cell.cell_type)
        cells += read_cells(case, f"before.{tag}*.py")
        cells += [cell] * changes.get("copies", 1)
        cells += read_cells(case, f"after.{tag}*.py")
    notebook.cells = cells
    if case.python:
        notebook.metadata["language_info"] = {"name": "python", "version": case.python}
    return notebook


def read_answers(case: Case) -> dict[str, str]:
    """The answers, by tag, that are not those of the base: the case's own, and those that it changes."""
    own = {file.stem: file.read_text(encoding="utf-8") for file in case.folder.glob("*.py")}
    tags = {tag for exercise in case.exercises for tag in TAGS[exercise]} - own.keys()
    files = [CASES / "part_a" / case.like / f"{tag}.py" for tag in sorted(tags)]
    right = {file.stem: file.read_text(encoding="utf-8") for file in files if file.exists()}
    changed = make_changes(right, case.change)
    return own | {tag: text for tag, text in changed.items() if text != right[tag]}


def read_cells(case: Case, pattern: str) -> list[NotebookNode]:
    files = sorted(case.folder.glob(pattern))
    return [nbformat.v4.new_code_cell(file.read_text(encoding="utf-8")) for file in files]  # type: ignore[no-untyped-call]


# --- grading it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grading:
    """How `grader grade` ended: its exit status, what it said, and its results where it gave any."""

    status: int
    errors: str
    results: Mapping[str, Any]

    @property
    def tests(self) -> list[dict[str, Any]]:
        return list(self.results.get("tests", ()))

    def find_losses(self) -> dict[str, float]:
        """The exercises with a failed check, and the points that they get."""
        checks = [test for test in self.tests if test["extra_data"]["outcome"] != "manual"]
        failed = {test["number"] for test in checks if test.get("status") == "failed"}
        return {
            number: sum(test["score"] for test in checks if test["number"] == number) for number in failed
        }

    def list_messages(self) -> list[str]:
        """Of checks that have not passed, and of those with a remark: what the student and what the instructor reads."""
        told = [
            test
            for test in self.tests
            if test["extra_data"]["outcome"] in ("failed", "machine") or "remarks" in test["extra_data"]
        ]
        return [test["output"] for test in told] + [
            test["extra_data"]["instructor"] for test in told if "instructor" in test["extra_data"]
        ]

    def find_leaks(self) -> list[str]:
        """What a student reads of arguments that were drawn, in messages and on the page."""
        drawn = re.compile("|".join(rf"(?<![\w.]){re.escape(value)}(?![\w.])" for value in list_drawn()))
        page = format_submission(self.results, read_homework(KIT).exercises, "student")
        return [page[max(0, found.start() - 60) : found.end() + 20] for found in drawn.finditer(page)] + [
            text
            for test in self.tests
            for text in (test["output"], *map(test["extra_data"].get, ("seen", "expected", "next")))
            if text and drawn.search(text)
        ]

    def find_lacking(self) -> set[str]:
        """The exercises that need the instructor."""
        return {test["number"] for test in self.tests if test["extra_data"]["outcome"] == "machine"}


def list_drawn() -> Iterator[str]:
    """The learning rates and seeds that the grading seed draws, which hardly stand in a message by chance."""
    seed = int(SEED)
    calls = [draw_arguments(seed, function, ("lr", "seed")) for function in EXPERIMENTS]
    cases = [draw_case(server, seed, kind) for server in SERVERS for kind in ("unequal", "large", "non-iid")]
    for arguments in (*calls, *(case.arguments for case in cases)):
        yield f"{arguments['lr']:g}"
        yield str(arguments["seed"])


def grade(case: Case, folder: Path, environment: Mapping[str, str]) -> Grading:
    folder.mkdir()
    results = folder / "results.json"
    command = make_command(case, make_submission(case, folder), results, folder)
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=case.seconds,
        check=False,
    )
    return Grading(
        ended.returncode, ended.stderr, json.loads(results.read_text()) if results.exists() else {}
    )


def make_command(case: Case, submission: Path, results: Path, folder: Path) -> list[str]:
    options = [
        f"--json={results}",
        f"--grading-seed={SEED}",
        "--isolation=none",  # its cells import the solutions
        *([] if FULL and not case.is_whole_file else [f"--exercise={','.join(case.exercises)}"]),
    ]
    if case.limits:
        options.append(f"--homework={make_homework(case.limits, folder / 'homework')}")
    return [sys.executable, "-m", "grader", "grade", str(submission), *options]


def make_homework(limits: Mapping[str, int], folder: Path) -> Path:
    """The kit's homework, with a `homework.toml` of its own that has other limits."""
    folder.mkdir()
    for part in KIT.iterdir():
        if part.name != "homework.toml" and not part.name.startswith("."):
            (folder / part.name).symlink_to(part)
    homework = (KIT / "homework.toml").read_text(encoding="utf-8")
    for name, value in limits.items():
        # The first table with limits is the kernel's.
        homework, found = re.subn(
            rf"^{name} = \d+", f"{name} = {value}", homework, count=1, flags=re.MULTILINE
        )
        assert found == 1, f"homework.toml has no limit {name}"
    (folder / "homework.toml").write_text(homework, encoding="utf-8")
    return folder


# --- the tests ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def gradings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Grading]]]:
    """The chosen cases, graded a few at a time, in the order of the tests, with the reference's answers computed once."""
    folder = tmp_path_factory.mktemp("golden")
    environment = {"LAB_2_HFL_DATASET": "digits"}
    if "GRADER_REFERENCE_CACHE" not in os.environ:
        environment["GRADER_REFERENCE_CACHE"] = str(tmp_path_factory.mktemp("references"))
    items = [item for item in request.session.items if "gradings" in getattr(item, "fixturenames", ())]
    chosen: list[Case] = [
        item.callspec.params["case"] for item in items if not item.get_closest_marker("skip")
    ]  # type: ignore[attr-defined]
    with ThreadPoolExecutor(WORKERS) as pool:
        yield {case.name: pool.submit(grade, case, folder / case.name, environment) for case in chosen}
        pool.shutdown(cancel_futures=True)


def list_parameters() -> list[Any]:
    wanted = {"none": [], "quick": [case for case in ALL if case.quick]}.get(EXTENT, ALL)
    skipped = pytest.mark.skip(reason="graded with GOLDEN=all or full")
    return [pytest.param(case, id=case.name, marks=[] if case in wanted else [skipped]) for case in ALL]


@pytest.mark.timeout(1000)
@pytest.mark.parametrize("case", list_parameters())
def test_report_is_the_case_s(case: Case, gradings: dict[str, Future[Grading]]) -> None:
    grading = gradings[case.name].result()
    if case.refused:
        assert (grading.status, grading.tests) == (2, [])
        assert len(grading.errors.split("\n\n")) <= 2  # one line, and an empty one
        assert case.refused in grading.errors
        return
    assert grading.status == 0, grading.errors
    assert {test["number"] for test in grading.tests} >= set(case.exercises)
    losses = grading.find_losses()
    assert losses.keys() == case.points.keys(), "\n".join(grading.list_messages())
    assert SEED != DEFAULT_SEED or losses == pytest.approx(case.points, abs=1e-3), "\n".join(
        grading.list_messages()
    )
    assert grading.find_lacking() == set(case.lacking)
    assert case.find_unsaid(grading.list_messages()) == [], "\n".join(grading.list_messages())
    assert grading.find_leaks() == []


def test_cases_are_enough() -> None:
    wrong = [case for case in ALL if case.points or case.refused or case.lacking]
    assert len(wrong) >= 40
    assert len(ALL) - len(wrong) >= 10
    assert {exercise for case in wrong for exercise in case.points} == TAGS.keys()


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case_is_well_formed(case: Case) -> None:
    """Each change fits, and every file is used, so that a misspelt tag does not leave the solved notebook as it was."""
    change_base(case)
    solved = nbformat.read(case.source, as_version=4)  # type: ignore[no-untyped-call]
    tags = "|".join(tag for cell in solved.cells for tag in cell.metadata.get("tags", []))
    for file in case.folder.iterdir():
        assert re.fullmatch(
            # A text is for trying the bundle.
            rf"case\.toml|submission\.(ipynb|py)|((before|after)\.)?({tags})(\.\d)?\.py|({tags})\.md",
            file.name,
        ), file
    assert set(case.points) | set(case.check) <= TAGS.keys()
    assert case.what.endswith(".")
