"""Writes the site: all of it, or what was there before stays.

RESULTS/report/index.html        who has which points
               exercises.html    what is difficult, and why
               attention.html    what a person should look at
               similar.html      hand-ins that are alike, side by side
               parties/KEY.html  all that is known about a hand-in
RESULTS/feedback/KEY.html        what goes back
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...display import brief
from ...homework import Homework
from ..export import FEEDBACK
from ..gradebook import PartyStanding
from ..grades import name_feedback_page
from ..scratch import scratch_folder
from ..similar import SimilarPair
from .cohort_pages import format_attention, format_cohort, format_exercises
from .party_page import Menu, format_feedback, format_party
from .similar_page import format_similar

REPORT = "report"
PARTIES = "parties"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
_PRINT_S = 120


class PdfError(RuntimeError):
    """No PDF can be made; the message is one line."""


def build_site(
    standings: Sequence[PartyStanding],
    homework: Homework,
    results: Path,
    pairs: Sequence[SimilarPair] = (),
    *,
    pdf: bool = False,
) -> int:
    """Write both folders below `results`; returns how many pages go back. Raises OSError, or PdfError before anything is written."""
    browser = find_browser() if pdf else None
    with scratch_folder(results, ".site") as fresh:
        write_report(standings, homework, pairs, fresh / REPORT)
        count = write_feedback(standings, homework, fresh / FEEDBACK)
        if browser is not None:
            for page in sorted((fresh / FEEDBACK).glob("*.html")):
                print_page(browser, page)
        for folder in (REPORT, FEEDBACK):
            _replace(results / folder, fresh / folder, fresh / f"old-{folder}")
    return count


def _replace(folder: Path, fresh: Path, old: Path) -> None:
    try:
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:  # Ctrl-C just between the two included
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise


def write_report(
    standings: Sequence[PartyStanding], homework: Homework, pairs: Sequence[SimilarPair], folder: Path
) -> None:
    """The instructors' pages."""
    (folder / PARTIES).mkdir(parents=True)
    for name, page in (
        ("index.html", format_cohort(standings, homework)),
        ("exercises.html", format_exercises(standings, homework)),
        ("attention.html", format_attention(standings, homework)),
        ("similar.html", format_similar(standings, homework, pairs)),
    ):
        (folder / name).write_text(page, encoding="utf-8")
    for party, menu in place_parties(standings):
        path = folder / PARTIES / name_feedback_page(party.key)
        path.write_text(format_party(party, homework, menu), encoding="utf-8")


def place_parties(standings: Sequence[PartyStanding]) -> Iterator[tuple[PartyStanding, Menu]]:
    """Each party with its neighbours."""
    links = [(brief(party.label), name_feedback_page(party.key)) for party in standings]
    for number, party in enumerate(standings):
        after = links[number + 1] if number + 1 < len(links) else None
        yield party, Menu(links[number - 1] if number else None, after)


def write_feedback(standings: Sequence[PartyStanding], homework: Homework, folder: Path) -> int:
    """A page for each party that has handed something in which was graded."""
    folder.mkdir(parents=True)
    given = [party for party in standings if party.runs]
    for party in given:
        (folder / name_feedback_page(party.key)).write_text(
            format_feedback(party, homework), encoding="utf-8"
        )
    return len(given)


def list_stale(
    standings: Sequence[PartyStanding], homework: Homework, results: Path
) -> Iterator[PartyStanding]:
    """Those whose feedback does not say what stands in the gradebook now, or who have none yet."""
    for party in standings:
        page = results / FEEDBACK / name_feedback_page(party.key)
        if party.runs and not (
            page.is_file() and page.read_text(encoding="utf-8") == format_feedback(party, homework)
        ):
            yield party


def find_browser() -> str:
    """The command of an installed browser that can print. Raises PdfError."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise PdfError(
            f"For PDFs a browser is needed, and none of {', '.join(_BROWSERS)} is installed: leave out --pdf, or install Chromium."
        )
    return found


def print_page(browser: str, page: Path) -> None:
    """Write a page as a PDF beside it. Raises PdfError."""
    page = page.absolute()
    target = page.with_suffix(".pdf")
    command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={target}"]
    command += ["--no-sandbox"] * (hasattr(os, "geteuid") and os.geteuid() == 0)  # which Chromium asks for
    try:
        subprocess.run([*command, page.as_uri()], capture_output=True, timeout=_PRINT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise PdfError(
            f"{Path(browser).name} could not print {page.name}: {type(error).__name__}."
        ) from error
    if not target.is_file():
        raise PdfError(f"{Path(browser).name} has printed nothing for {page.name}.")
