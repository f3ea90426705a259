"""From what an instructor names to a cohort: each source is opened, its platform recognised, and all of them joined."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from ..intake import listed, show
from .cohort import Cohort, Problem
from .configuration import Configuration
from .gathering import join
from .late import describe_strangers
from .platforms import canvas, folder, github, gradescope, ilias, moodle
from .scratch import scratch_folder
from .tree import MIB, SourceError, SourceLimits, Tree, open_tree

PLATFORMS: dict[str, ModuleType] = {
    "ilias": ilias,
    "moodle": moodle,
    "canvas": canvas,
    "gradescope": gradescope,
    "github": github,
    "folder": folder,
}
_TABLES = (".csv",)


@contextmanager
def open_cohort(sources: Sequence[Path], configuration: Configuration) -> Iterator[Cohort]:
    """The cohort in some sources; its files are there as long as the context is open. Raises SourceError.

    A source that can't be read is a problem of the cohort, unless it is the only one.
    """
    temporary = Path(tempfile.gettempdir())
    with ExitStack() as opened:
        try:
            workdir = opened.enter_context(scratch_folder(temporary, "cohort"))
        except OSError as error:
            raise SourceError(
                f"{temporary} can't be written: {error.strerror}. Make room, or set TMPDIR to another folder."
            ) from error
        yield _read(sources, configuration, workdir)


def recognise(tree: Tree, wanted: str | None = None) -> str:
    """The platform that a source is from; the one that is wanted, if the source can be read so. Raises SourceError."""
    fitting = [name for name, platform in PLATFORMS.items() if platform.recognise(tree)]
    found = [name for name in fitting if name != "folder"] or fitting
    if wanted is not None:
        if wanted in fitting:
            return wanted
        seen = f" It looks like {PLATFORMS[found[0]].TITLE}: {PLATFORMS[found[0]].LOOK}." if found else ""
        raise SourceError(
            f"{tree.source.name} can't be read as {PLATFORMS[wanted].TITLE}, which has {PLATFORMS[wanted].LOOK}.{seen}"
        )
    if not found:
        looks = "; ".join(f"{platform.TITLE}: {platform.LOOK}" for platform in PLATFORMS.values())
        raise SourceError(f"{tree.source.name} holds no hand-ins that are known here. Known are {looks}.")
    if len(found) > 1:
        raise SourceError(
            f"{tree.source.name} may be from {' or '.join(PLATFORMS[name].TITLE for name in found)}: say which with --platform {found[0]}."
        )
    return found[0]


def _read(sources: Sequence[Path], configuration: Configuration, workdir: Path) -> Cohort:
    limits = SourceLimits(
        file_bytes=configuration.limits.file_mib * MIB,
        unpacked_bytes=configuration.limits.cohort_gib * 1024 * MIB,
    )
    tables = tuple(source for source in sources if source.is_file() and source.suffix.lower() in _TABLES)
    cohorts: list[Cohort] = []
    problems: list[Problem] = []
    for number, source in enumerate(source for source in sources if source not in tables):
        try:
            tree = replace(open_tree(source, workdir / str(number), limits), tables=tables)
            cohorts.append(PLATFORMS[recognise(tree, configuration.platform)].read(tree, configuration))
        except SourceError as error:
            problems.append(Problem(source.name, str(error)))
    if not cohorts:
        found = problems[0].sentence if problems else "No hand-ins were named, only tables."
        raise SourceError(" ".join(dict.fromkeys([found, *(problem.sentence for problem in problems)])))
    if len({cohort.platform for cohort in cohorts}) > 1:
        names = listed([PLATFORMS[cohort.platform].TITLE for cohort in cohorts])
        raise SourceError(
            f"The sources are from different platforms ({names}), which have different ids: give those of one."
        )
    cohort = join(cohorts)
    strangers = describe_strangers(configuration, {party.key for party in cohort.parties})
    problems += [Problem("grader.toml", strangers)] * bool(strangers)
    return replace(cohort, problems=(*problems, *cohort.problems))


def choose_parties(cohort: Cohort, wanted: Sequence[str]) -> Cohort:
    """Only those whose key, label, login or address is named. Raises SourceError if one is nobody's, or that of several."""
    chosen: set[str] = set()
    for name in wanted:
        by_key = {party.key for party in cohort.parties if party.key == name}
        found = by_key or {
            party.key
            for party in cohort.parties
            if name == party.label or any(name in (m.key, m.name, m.login, m.email) for m in party.members)
        }
        if not found:
            raise SourceError(
                f"--only {show(name)}: nobody here has this key, name, login or address. grader batch … --dry-run lists them."
            )
        if len(found) > 1:
            raise SourceError(
                f"--only {show(name)}: there are {len(found)} of this name: give a key ({', '.join(sorted(found))})."
            )
        chosen |= found
    return replace(
        cohort,
        parties=tuple(party for party in cohort.parties if party.key in chosen),
        uploads=tuple(upload for upload in cohort.uploads if upload.party in chosen),
        problems=tuple(
            problem for problem in cohort.problems if not problem.party or problem.party in chosen
        ),
    )
