"""The pages on a cohort: what they count, what they show to whom, and that they are written whole."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from standings import HOMEWORK, PARTS, make_cohort, make_flag, make_mark, make_party, make_result, make_run

from grader.desk.alike import name_party
from grader.desk.gradebook import KIT_ERROR, MACHINE, UNREADABLE, WHOLE, PartyStanding
from grader.desk.pages import build_site
from grader.desk.pages.cohort_pages import format_attention, format_cohort, format_exercises, list_attention
from grader.desk.pages.cohort_statistics import count_causes, count_checks, count_scores
from grader.desk.pages.party_page import Menu, format_feedback, format_party, list_history
from grader.desk.pages.similar_page import format_similar
from grader.desk.similar import Likeness, Passage, SimilarPair

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
COMPLETE = (
    make_result("R1", "passed", 2, 2),
    make_result("R2", "passed", 1, 1),
    make_result("R2", "manual", 0, 1, "Explanation"),
)


# --- what is counted --------------------------------------------------------------------------------------------------------------------


def test_a_mistake_counts_once_per_party_and_by_its_cause() -> None:
    failed = [make_result("R1", "failed", 0, 1, name, cause="means-summed") for name in ("one", "two")]
    other = make_result("R1", "failed", 0, 1, "one", cause="counts-halved")
    causes = count_causes(
        [make_party(1, make_run(*failed)), make_party(2, make_run(*failed)), make_party(3, make_run(other))]
    )

    assert [(cause.words, len(cause.parties)) for cause in causes] == [
        ("means summed", 2),
        ("counts halved", 1),
    ]


def test_who_has_not_begun_has_made_no_mistake() -> None:
    failed = [make_result("R1", "failed", 0, 1, name, cause=name) for name in ("sum", "traffic")]
    causes = count_causes(
        [make_party(1, make_run(*failed, untouched=["R1"])), make_party(2, make_run(*failed))]
    )

    assert [(each.words, [party.id for party in each.parties]) for each in causes] == [
        ("not begun", [1]),
        ("sum", [2]),
        ("traffic", [2]),
    ]


def test_what_was_not_reached_is_no_mistake() -> None:
    unreached = make_result("R1", "failed", 0, 1, not_reached=True, cause="means-summed")
    party = make_party(1, make_run(unreached))

    assert count_causes([party]) == []
    assert [(check.failed, check.unreached) for check in count_checks([party])] == [(0, 1)]


def test_difficulty_and_discrimination_of_a_check() -> None:
    strong = make_run(make_result("R1", "passed", 2, 2, "tells"), make_result("R2", "passed", 1, 1, "other"))
    weak = make_run(make_result("R1", "failed", 0, 2, "tells"), make_result("R2", "failed", 0, 1, "other"))
    tells, _ = count_checks([make_party(1, strong), make_party(2, strong), make_party(3, weak)])

    assert (tells.difficulty, tells.discrimination) == (pytest.approx(2 / 3), pytest.approx(1))


def test_what_could_not_be_checked_says_nothing_of_a_check() -> None:
    run = make_run(make_result("R1", "machine", 0, 2, "one"))
    [check] = count_checks([make_party(1, run)])

    assert (check.undecided, check.difficulty, check.discrimination) == (1, None, None)


def test_a_histogram_has_tenths_and_all_points_apart() -> None:
    assert (
        count_scores([0, 0.1, 0.2, 1.9, 2, 2], 2) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2]
        or count_scores([0.2], 2)[1] == 1
    )
    assert sum(count_scores([-1, 5, 1], 2)) == 3


# --- the cohort's pages -----------------------------------------------------------------------------------------------------------------


def test_points_that_nobody_knows_are_a_dash() -> None:
    page = format_cohort(
        [make_party(1, make_run(status=MACHINE, reason="no jax")), make_party(2, make_run(*COMPLETE))],
        HOMEWORK,
    )

    assert page.count('<td class="number">–</td>') == 2
    assert "<b>–</b>" in page
    assert "<b>3</b>" in page
    assert "known for 1 of 2" in page


def test_time_and_memory_of_a_hand_in_are_told() -> None:
    page = format_cohort([make_party(1, make_run(*COMPLETE, peak_memory_mib=812))], HOMEWORK)

    assert '<td class="number">42</td><td class="number">812</td>' in page


def test_attention_tells_each_kind_and_not_what_is_settled() -> None:
    parties = [
        make_party(1, make_run(*COMPLETE, tampering=["len was replaced"])),
        make_party(2, make_run(status=KIT_ERROR, reason="KeyError")),
        make_party(3, make_run(status=UNREADABLE, reason="There is no notebook in it.")),
        make_party(4, make_run(make_result("R1", "machine", 0, 2))),
        make_party(
            5,
            make_run(*COMPLETE),
            flags=(make_flag("similar", "R1 is like Student 4's."), make_flag("problem", "Old.", True)),
        ),
        make_party(6, make_run(*COMPLETE)),
        make_party(7, make_run(*COMPLETE, to_judge=["R1: another library does it all."])),
    ]

    assert [(group.title, [line.party.id for line in group.lines]) for group in list_attention(parties)] == [
        ("Bugs in the kit", [2]),
        ("Signs of tampering", [1]),
        ("This machine lacks something", [4]),
        ("Unreadable hand-ins", [3]),
        ("Unusual solutions", [7]),
        ("Similar", [5]),
    ]
    assert 'href="parties/4.html#exercise-R1"' in format_attention(parties, HOMEWORK)


def test_an_average_says_that_points_by_hand_are_missing() -> None:
    page = format_cohort([make_party(1, make_run(*COMPLETE))], HOMEWORK)

    assert "on average so far, median 3, known for 1 of 1; 1 of them still awaits points by hand" in page


def test_a_pair_is_told_once_and_two_of_one_name_are_told_apart() -> None:
    parties = [
        make_party(
            number,
            make_run(*COMPLETE),
            label="Anna",
            flags=(make_flag("similar", f"Similar to Anna ({like}): R1"),),
        )
        for number, like in ((1, 2), (2, 1))
    ]
    page = format_attention(parties, HOMEWORK)

    assert page.count("Similar to") == 1
    assert "Anna</a> <small>1</small>" in page


def test_an_explanation_that_was_not_written_is_not_awaited() -> None:
    unwritten = make_result("R2", "manual", 0, 1, "Explanation", answer="", is_missing=True)
    feedback = format_feedback(make_party(1, make_run(*COMPLETE[:2], unwritten)), HOMEWORK)

    assert "Still to be graded" not in feedback
    assert "graded by hand" not in feedback
    assert "Explanation was not written" in feedback


def test_every_mistake_has_an_example_and_those_who_made_it() -> None:
    page = format_exercises(make_cohort(4), HOMEWORK)

    assert "4 × means summed" in page
    assert f"<dd>{PARTS['seen']}</dd>" in page
    assert 'href="parties/1.html#exercise-R1"' in page


def test_names_are_text_on_every_page() -> None:
    failed = make_run(
        make_result("R1", "failed", 0, 2, HOSTILE, cause=HOSTILE, seen=HOSTILE), tampering=[HOSTILE]
    )
    parties = [make_party(1, failed, label=HOSTILE, flags=(make_flag(HOSTILE, HOSTILE),))]
    pages = [
        format_cohort(parties, HOMEWORK),
        format_exercises(parties, HOMEWORK),
        format_attention(parties, HOMEWORK),
    ]
    pages += [
        format_party(parties[0], HOMEWORK, Menu((HOSTILE, "a.html"))),
        format_feedback(parties[0], HOMEWORK),
    ]

    assert [page.count("<script>alert") + page.count("<img") for page in pages] == [0] * 5
    assert all("&lt;script&gt;" in page for page in pages)


def test_a_very_long_name_does_not_push_the_points_off_the_page() -> None:
    party = replace(make_party(1, make_run(*COMPLETE), label="L" * 250), key="k" * 250)
    page = re.sub(r'href="[^"]*"', "", format_cohort([party], HOMEWORK))

    assert max(map(len, re.findall("L+|k+", page))) < 60


# --- a party's pages --------------------------------------------------------------------------------------------------------------------


def test_marks_and_comments_are_on_both_pages_and_their_author_on_one() -> None:
    marks = {
        ("R2", "Explanation"): make_mark("R2", "Explanation", 0.5),
        ("R1", WHOLE): make_mark("R1", WHOLE, 1.5, "See the notebook."),
    }
    party = make_party(1, make_run(*COMPLETE), marks=marks)
    feedback, page = format_feedback(party, HOMEWORK), format_party(party, HOMEWORK, Menu())

    for text in (feedback, page):
        assert "<b>3 / 4</b> points" in text
        assert "The points were set by hand. See the notebook." in text
        assert "Well put." in text
    assert "grader-anna" in page
    assert "grader-anna" not in feedback


def test_what_was_decided_is_not_announced() -> None:
    marks = {("R2", "Explanation"): make_mark("R2", "Explanation", 0.5, "")}
    decided = format_feedback(make_party(1, make_run(*COMPLETE), marks=marks), HOMEWORK)

    assert "Explanation is graded by hand" in format_feedback(make_party(1, make_run(*COMPLETE)), HOMEWORK)
    assert "Explanation is graded by hand" not in decided


def test_what_is_still_to_be_graded_by_hand_is_told() -> None:
    feedback = format_feedback(make_party(1, make_run(*COMPLETE)), HOMEWORK)

    assert "Still to be graded by hand, and not in the points yet: R2 Explanation." in feedback


def test_a_party_is_not_told_of_the_machine_s_or_the_kit_s_failures() -> None:
    party = make_party(1, make_run(status=KIT_ERROR, reason="KeyError in private_tests"))

    assert "Grading is not finished" in format_feedback(party, HOMEWORK)
    assert "KeyError" not in format_feedback(party, HOMEWORK)
    assert "KeyError in private_tests" in format_party(party, HOMEWORK, Menu())


def test_who_handed_in_nothing_readable_is_told_why() -> None:
    feedback = format_feedback(
        make_party(1, make_run(status=UNREADABLE, reason="There is no notebook in it.")), HOMEWORK
    )

    assert "There is no notebook in it." in feedback
    assert "<b>0 / 4</b> points" in feedback
    assert "<table" not in feedback


def test_a_later_run_tells_what_it_changed() -> None:
    before = make_run(make_result("R1", "failed", 0, 2), number=1)
    after = make_run(make_result("R1", "passed", 2, 2), number=2)
    latest, first = list_history(make_party(1, before, after))

    assert latest.changes == ["R1 it works: failed, 0 points, became passed, 2 points"]
    assert first.changes == []


def test_exercises_of_an_earlier_run_keep_their_code() -> None:
    first = make_run(
        *COMPLETE, number=1, code={"R1": [("the cell tagged 'mean'", "first = 1")], "R2": [("b", "old = 1")]}
    )
    again = make_run(make_result("R2", "passed", 1, 1), number=2, code={"R2": [("b", "new = 1")]})
    again = type(again)(**{**vars(again), "exercises": ("R2",)})
    page = format_feedback(make_party(1, first, again), HOMEWORK)

    assert "first = 1" in page
    assert "new = 1" in page
    assert "old = 1" not in page


SECRETS = {
    "seed": "99887766",
    "drawn": "n=4711",
    "expected": "0.123456",
    "key": "the-right-answer",
    "sign": "len was replaced",
}


def make_secretive_party() -> PartyStanding:
    failed = make_result(
        "R1",
        "failed",
        0,
        2,
        instructor="\n  Expected: ".join(SECRETS.values()),
    )
    figures = [
        {
            "type": "curves",
            "title": "own",
            "x": "",
            "y": "",
            "series": {"a": [1, 2]},
            "reference": {"a": [0.123456]},
        },
        {
            "type": "rows",
            "title": f"f({SECRETS['drawn']})",
            "columns": ["a"],
            "rows": [[1]],
            "only_instructor": True,
        },
    ]
    facts = {
        "grading_seed": 99887766,
        "tampering": [SECRETS["sign"]],
        "B1": [SECRETS["drawn"]],
        "key": SECRETS["key"],
    }
    return make_party(1, make_run(failed, *COMPLETE[1:], figures={"R1": figures}, **facts))


def test_no_file_that_goes_back_holds_anything_secret(tmp_path: Path) -> None:
    build_site([make_secretive_party(), *make_cohort(3)[1:]], HOMEWORK, tmp_path)
    told = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "feedback").rglob("*")}
    page = (tmp_path / "report" / "parties" / "1.html").read_text(encoding="utf-8")

    assert sorted(told) == ["1.html", "2.html", "3.html"]
    assert [
        (name, what) for name, text in told.items() for what, secret in SECRETS.items() if secret in text
    ] == []
    assert [
        what for what, secret in SECRETS.items() if secret not in page
    ] == []  # they were there to be found


# --- hand-ins that are alike ------------------------------------------------------------------------------------------------------------


def make_pair(one: str = "1", other: str = "2") -> SimilarPair:
    passages = [Passage(key, "mean", f"first = {key}\nsecond = 2\n{HOSTILE}\n") for key in (one, other)]
    return SimilarPair((one, other), (Likeness(*passages, share=0.6, lines=((1, 2),)),))


def test_both_places_stand_side_by_side_with_their_lines_marked() -> None:
    page = format_similar(make_cohort(2), HOMEWORK, [make_pair()])

    assert re.findall(r'<tr class="marked"><td class="line-number">(\d)</td><td><code>([^<]*)', page) == [
        ("1", "first = 1"),
        ("2", "second = 2"),
    ]
    assert "60 %" in page
    assert "<script>alert" not in page
    assert "settled" not in page


def test_a_pair_that_a_person_has_looked_at_is_settled() -> None:
    one, other = (
        make_party(
            number,
            make_run(*COMPLETE),
            flags=(make_flag("similar", f"Similar to {name_party(make_party(like))}: mean", True),),
        )
        for number, like in ((1, 2), (2, 1))
    )

    assert "settled" in format_similar([one, other], HOMEWORK, [make_pair()])


def test_a_party_that_is_gone_is_left_out() -> None:
    assert "None were found" in format_similar(make_cohort(1), HOMEWORK, [make_pair()])


# --- the site ---------------------------------------------------------------------------------------------------------------------------


def test_links_within_the_site_lead_somewhere(tmp_path: Path) -> None:
    build_site(make_cohort(3), HOMEWORK, tmp_path)
    pages = list((tmp_path / "report").rglob("*.html"))
    targets = {
        (page, target.partition("#")[0])
        for page in pages
        for target in re.findall(r'href="([^"#][^"]*)"', page.read_text())
    }

    assert len(pages) == 7
    assert [(page.name, target) for page, target in targets if not (page.parent / target).is_file()] == []


def test_the_site_replaces_the_one_before(tmp_path: Path) -> None:
    for count in (3, 2):
        build_site(make_cohort(count), HOMEWORK, tmp_path)

    assert sorted(path.name for path in (tmp_path / "feedback").iterdir()) == ["1.html", "2.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feedback", "report"]


@pytest.mark.parametrize("fails_at", range(4))
def test_a_site_that_can_t_be_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    build_site(make_cohort(2), HOMEWORK, tmp_path)
    rename, calls = Path.rename, []

    def fail(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == fails_at + 1:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(KeyboardInterrupt):
        build_site(make_cohort(2), HOMEWORK, tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["feedback", "report"]
    assert (tmp_path / "report" / "index.html").is_file()
    assert len(list((tmp_path / "feedback").iterdir())) == 2


def test_nothing_goes_back_to_those_who_were_not_graded(tmp_path: Path) -> None:
    assert build_site([make_party(1), make_party(2, make_run(*COMPLETE))], HOMEWORK, tmp_path) == 1


def test_an_empty_cohort_has_pages(tmp_path: Path) -> None:
    assert build_site([], HOMEWORK, tmp_path) == 0
    assert "Nobody's points are known yet" in (tmp_path / "report" / "index.html").read_text()


def test_a_cohort_of_500_fits_a_page() -> None:
    assert len(format_cohort(make_cohort(500), HOMEWORK).encode()) < 1_500_000
