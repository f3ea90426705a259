"""Which hand-ins are alike, judged on code of three styles, written independently, and a copy with other names in another order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.desk.cohort import Upload
from grader.desk.passages import UNTAGGED, read_given, read_passages
from grader.desk.similar import Passage, find_similar
from grader.homework import read_homework

KIT = Path(__file__).parents[2]
BY_HAND = KIT / "tests" / "cases" / "part_a" / "right-everything-by-hand"
HOMEWORK = read_homework(KIT)
STYLES = Path(__file__).parent / "styles"


def read_style(name: str) -> Iterator[Passage]:
    """A file of passages, each below a line with its place."""
    for part in re.split(r"^# %% ", (STYLES / f"{name}.txt").read_text(), flags=re.MULTILINE)[1:]:
        place, source = part.split("\n", 1)
        yield Passage(name, place, source)


@pytest.fixture(scope="module")
def given() -> list[str]:
    return list(read_given(HOMEWORK))


@pytest.fixture(scope="module")
def independent() -> list[Passage]:
    tags = ("fedavg_grad", "client_number_experiments")
    third = [Passage("by hand", tag, (BY_HAND / f"{tag}.py").read_text()) for tag in tags]
    third.append(Passage("by hand", "b1.py", (KIT / "solutions" / "b1.py").read_text()))
    return [*read_style("loops"), *read_style("functions"), *third]


def test_independent_work_is_not_alike(independent: list[Passage], given: list[str]) -> None:
    assert find_similar(independent, given, threshold=0.25) == []


def test_a_copy_with_other_names_in_another_order_is_found(
    independent: list[Passage], given: list[str]
) -> None:
    [pair] = find_similar([*independent, *read_style("renamed")], given)

    assert set(pair.parties) == {"loops", "renamed"}
    assert pair.places == ("fedavg_grad",)
    assert pair.share > 0.5
    lines = pair.likenesses[0].lines
    assert lines == tuple(sorted(lines))


def test_nobody_is_compared_with_themselves(given: list[str]) -> None:
    [passage, *_] = read_style("loops")
    assert find_similar([passage, passage], given) == []


def test_what_everybody_was_given_is_nobody_s(given: list[str]) -> None:
    source = (KIT / "lab_2_hfl" / "servers.py").read_text()
    method = source[source.index("    def _ask_clients(") : source.index("    def _run_rounds(")]
    copies = [Passage(party, "fedavg_grad", method) for party in ("a", "b")]

    assert find_similar(copies, given) == []
    assert find_similar(copies, []) != []


def test_what_most_hand_in_is_nobody_s() -> None:
    [passage, *_] = read_style("loops")
    few, many = ([Passage(str(k), passage.place, passage.source) for k in range(n)] for n in (8, 9))

    assert len(find_similar(few, [])) == 8 * 7 / 2
    assert find_similar(many, []) == []


def test_a_few_lines_in_common_are_no_sign() -> None:
    source = "result = server.run(nr_rounds)\nrows.append([n, c, result.test_accuracy[-1]])\n"
    assert find_similar([Passage("a", "x", source), Passage("b", "x", source)], []) == []


def test_prose_and_broken_code_are_compared_too() -> None:
    prose = (
        "With several local epochs each client moves away from the weights that it got, so the mean of what they send differs. "
        * 2
    )
    [pair] = find_similar([Passage("a", "why", prose), Passage("b", "why", f"def (\n{prose}")], [])
    assert pair.share == 1


def test_cells_and_scripts_of_a_hand_in_are_read(tmp_path: Path) -> None:
    files = (
        ("homework_1.ipynb", KIT / "notebooks" / "homework_1_solved.ipynb"),
        ("b1.py", STYLES / "loops.txt"),
    )
    with (tmp_path / "a.zip").open("w+b") as packed:
        Upload("a", files, "a").pack(packed)

    passages = read_passages("a", tmp_path / "a.zip", HOMEWORK)
    places = {passage.place for passage in passages}

    assert {"b1.py", "fedavg_grad", "fedsgd_explanation"} <= places
    assert "setup" not in places - {UNTAGGED}
