"""What the pages name is there: every path in backquotes, and the target of every relative link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

KIT = Path(__file__).parents[1]
DOCS = KIT / "docs"
PAGES = [KIT / "README.md", *sorted(DOCS.glob("*.md"))]
# The page about a new homework names files of the folder that it makes.
ROOTS = {DOCS / "adding-a-homework.md": (KIT, KIT / "grader" / "template")}

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
NEW_FILE = re.compile(r"^New file `([^`]+)`", re.MULTILINE)  # the reader is about to make it
PATH = re.compile(r"[\w.*-]+(/[\w.*-]+)*/?")
MADE_BY_A_RUN = ("launch-output/", "handed_out/", "output_dir/", "events/", "RESULTS/")


def list_paths(text: str) -> Iterator[str]:
    """The relative paths in backquotes, those within a command too."""
    prose = FENCE.sub("", text)
    made = set(NEW_FILE.findall(prose))
    spans = re.findall(r"`([^`\n]+)`", prose)
    words = {word for span in spans for word in span.split() if "/" in word and PATH.fullmatch(word)}
    return (word for word in sorted(words - made) if not word.startswith(MADE_BY_A_RUN))


def list_links(text: str) -> Iterator[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return (target.partition("#")[0] for target in targets if "://" not in target)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    paths = list_paths(page.read_text(encoding="utf-8"))
    missing = [path for path in paths if not any(any(root.glob(path)) for root in ROOTS.get(page, (KIT,)))]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = list_links(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []
