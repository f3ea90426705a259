"""The pages on a whole cohort: who has which points, what is difficult and why, and what a person should look at."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from ...homework import Homework
from ...pages import render
from ..alike import SIMILAR, open_pair
from ..gradebook import KIT_ERROR, MACHINE, UNREADABLE, FlagEntry, PartyStanding
from ..grades import name_feedback_page
from .cohort_statistics import collect_scores, count_causes, count_checks, count_scores
from .histogram import draw_histogram

MOST_NAMED = 30  # parties at a mistake


def format_cohort(standings: Sequence[PartyStanding], homework: Homework) -> str:
    """All parties with their points."""
    known = [party.score for party in standings if party.score is not None]
    values = {
        "parties": standings,
        "exercises": homework.exercises,
        "statuses": sorted(Counter(party.status for party in standings).items()),
        "awaited": sum(len(each.awaited) for party in standings for each in party.exercises),
        "unfinished": sum(any(each.awaited for each in party.exercises) for party in standings),
        "mean": statistics.fmean(known) if known else None,
        "median": statistics.median(known) if known else None,
        "known": len(known),
        "most": sum(exercise.points for exercise in homework.exercises),
        "histograms": _draw_histograms(standings, homework),
        "attention": sum(len(group.lines) for group in list_attention(standings)),
    }
    return render_report("cohort.html", homework, values, here="index.html")


def _draw_histograms(standings: Sequence[PartyStanding], homework: Homework) -> list[tuple[str, Markup]]:
    scores = collect_scores(standings)
    charts = []
    for exercise in homework.exercises:
        title = f"{exercise.id} {exercise.title}"
        counts = count_scores(scores.get(exercise.id, ()), exercise.points)
        charts.append((title, draw_histogram(counts, exercise.points, title)))
    return charts


def format_exercises(standings: Sequence[PartyStanding], homework: Homework) -> str:
    """Each exercise with its checks and the mistakes that were made."""
    checks, causes = count_checks(standings), count_causes(standings)
    sections = [
        {
            "exercise": exercise,
            "checks": [check for check in checks if check.exercise == exercise.id],
            "causes": [cause for cause in causes if cause.exercise == exercise.id],
        }
        for exercise in homework.exercises
    ]
    return render_report(
        "exercises.html", homework, {"sections": sections, "most_named": MOST_NAMED}, here="exercises.html"
    )


@dataclass(frozen=True)
class Concern:
    """Something to look at; `anchor` is where on the party's page."""

    party: PartyStanding
    text: str
    anchor: str = ""


@dataclass(frozen=True)
class ConcernGroup:
    """Things of one kind, and what to do about them."""

    title: str
    advice: str
    lines: list[Concern] = field(default_factory=list)


def format_attention(standings: Sequence[PartyStanding], homework: Homework) -> str:
    """What a person should look at."""
    return render_report(
        "attention.html", homework, {"groups": list_attention(standings)}, here="attention.html"
    )


def list_attention(standings: Sequence[PartyStanding]) -> list[ConcernGroup]:
    """Groups that are not empty, the most pressing first."""
    kit, tampering, machine, outdated, unreadable, unusual = (
        ConcernGroup(
            "Bugs in the kit", "No score is final before they are mended: report them, and grade these again."
        ),
        ConcernGroup(
            "Signs of tampering",
            "Read the code before you think ill of anyone: some libraries look like this, too.",
        ),
        ConcernGroup(
            "This machine lacks something",
            "Install what is named, or grade elsewhere, then `grader batch --regrade failed`.",
        ),
        ConcernGroup(
            "Points on another text",
            "Somebody gave these by hand before the party handed in anew: look whether they still hold, and save them again.",
        ),
        ConcernGroup("Unreadable hand-ins", "Nothing could be graded; the reason is also in the feedback."),
        ConcernGroup(
            "Unusual solutions", "No check can decide whether this is what was asked for: read the code."
        ),
    )
    flags: dict[str, ConcernGroup] = {}
    told: set[frozenset[str]] = set()
    for party in standings:
        run = party.latest_run
        signs = run.facts.get("tampering", ()) if run is not None else ()
        tampering.lines.extend(Concern(party, str(sign)) for sign in signs)
        unusual.lines.extend(
            Concern(party, str(each)) for each in (run.facts.get("to_judge", ()) if run is not None else ())
        )
        outdated.lines.extend(
            Concern(party, f"{each.exercise.id} {item or 'checks'}", f"#exercise-{each.exercise.id}")
            for each in party.exercises
            for item in each.outdated
        )
        unreadable.lines.extend(_note_status(party, UNREADABLE))
        machine.lines.extend([*_note_status(party, MACHINE), *_list_undecided(party, "machine")])
        kit.lines.extend([*_note_status(party, KIT_ERROR), *_list_undecided(party, "broken")])
        for flag in party.flags:
            pair = _name_pair(flag, party)
            if flag.settled_at is None and pair not in told:
                told.add(pair)  # at the other one of a pair it says the same
                advice = "Noted by the kit; a person decides what it means."
                group = flags.setdefault(flag.kind, ConcernGroup(flag.kind.capitalize(), advice))
                group.lines.append(Concern(party, flag.text))
    return [
        group
        for group in (kit, tampering, machine, outdated, unreadable, unusual, *flags.values())
        if group.lines
    ]


def _name_pair(flag: FlagEntry, party: PartyStanding) -> frozenset[str]:
    """The two that a flag is about, as each other's flags call them; where it is about one party, the flag itself."""
    if flag.kind != SIMILAR:
        return frozenset([f"{party.id} {flag.kind} {flag.text}"])
    return frozenset([open_pair(party), flag.text.rpartition(": ")[0]])


def _note_status(party: PartyStanding, status: str) -> Iterator[Concern]:
    run = party.latest_run
    if run is not None and run.status == status:
        yield Concern(party, run.reason)


def _list_undecided(party: PartyStanding, outcome: str) -> Iterator[Concern]:
    run = party.latest_run
    for result in run.results if run is not None else ():
        if result.outcome == outcome:
            text = result.facts.get("next") or result.facts.get("instructor") or result.output
            yield Concern(party, f"{result.exercise} {result.name}: {text}", f"#exercise-{result.exercise}")


def render_report(template: str, homework: Homework, values: dict[str, Any], here: str) -> str:
    """A page of the report with its menu, in which it is `here`."""
    shared = {"title": homework.title, "here": here, "page_of": name_feedback_page}
    return render(template, package=__package__, **shared, **values)
