"""Finds what is to be graded in a clean folder: the notebook and the scripts, however clumsily they were packed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..handout import squeeze
from ..notebook import NotebookError, read_notebook
from ..tags import find_by_names
from .archives import is_archive
from .copies import list_earlier
from .names import IntakeError, listed, show
from .pairing import Pairing
from .students import check_is_one

_MAX_COMPARED_BYTES = 256 << 20
_NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)
_COPY_MARK = re.compile(r"( \(\d+\)|[ _-]\d|[ _-]copy( \d+)?| - copy|-checkpoint)$", re.IGNORECASE)


@dataclass(frozen=True)
class Expected:
    """What a homework expects to find, so that the right file can be told from the others. All of it may be empty."""

    tags: Collection[str] = ()
    """The tags of the cells that are graded."""
    scripts: Sequence[str] = ()
    """File names of the scripts that are graded."""
    handout: Mapping[str, str] = field(default_factory=dict)
    """By tag, the source of the cell in the handout: a notebook in which nothing differs is the empty handout."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """By a script's name, a regular expression that matches its content and not that of the others."""
    reserved: Collection[str] = ()
    """Names of the course's own packages: a copy of one in a submission is set aside."""


@dataclass(frozen=True)
class Found:
    """The notebook and scripts of a submission; for what is absent or ambiguous there is a sentence instead."""

    notebook: Path | None
    scripts: dict[str, Path]
    notes: tuple[str, ...]
    problems: dict[str, str]
    """By ``"notebook"`` or a script's name."""


@dataclass(frozen=True)
class _Candidate:
    path: Path
    name: str
    digest: str
    sources: Mapping[str, str]
    """By tag, the cell's source without its white space; empty where it could not be read."""
    was_packed: bool
    """Whether it comes from an archive in the submission."""

    def filled(self, expected: Expected) -> set[str]:
        untouched = {tag: squeeze(source) for tag, source in expected.handout.items()}
        return {tag for tag, source in self.sources.items() if source != untouched.get(tag)}

    def is_empty_handout(self, expected: Expected) -> bool:
        """Whether it has graded cells, and all of them are as in the handout."""
        return bool(self.sources) and not self.filled(expected)


def locate(folder: Path, expected: Expected) -> Found:
    """Find the notebook and the scripts below a clean folder. Raises IntakeError if it holds the submissions of several students."""
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: (len(path.parts), path)
    )
    check_is_one(folder, files)
    problems: dict[str, str] = {}
    notes: list[str] = []
    current, old = _set_copies_aside(folder, files)
    scripts, more, ambiguous = _find_scripts(folder, current, expected.scripts)
    pairing = Pairing(folder, expected.scripts, expected.marks, scripts, more, ambiguous)
    pairing.add_starters(current)
    pairing.add_by_content(current)
    notebook = None
    paths = [path for path in files if _NOTEBOOK.search(path.name)] or _script_notebooks(files, expected)
    if paths:
        try:
            notebook, notes = _choose_notebook(folder, paths, expected)
            read_notebook(notebook)
        except (IntakeError, NotebookError) as error:
            notebook, problems["notebook"] = None, str(error)
    else:
        absent = () if scripts or ambiguous else expected.scripts
        problems["notebook"] = _absence(folder, files, absent)
    return Found(notebook, pairing.scripts, (*old, *notes, *pairing.notes), problems | pairing.problems)


def _set_copies_aside(folder: Path, files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files without those of archives whose scripts all lie in the open too, which is what counts; and a note on each such archive."""
    names = {path.name for path in files if _find_archive(path, folder) is None}
    packed: dict[Path, list[str]] = {}
    for path in files:
        archive = _find_archive(path, folder)
        if archive is not None and path.suffix in (".py", ".sh"):
            packed.setdefault(archive, []).append(path.name)
    copies = [archive for archive, scripts in packed.items() if names.issuperset(scripts)]
    notes = [
        f"The scripts in {_shown(copy, folder)} were set aside: those outside of it count." for copy in copies
    ]
    return [path for path in files if _find_archive(path, folder) not in copies], notes


def _find_archive(path: Path, folder: Path) -> Path | None:
    """The archive in the submission that a file comes from, which is now a folder."""
    return next(
        (each for each in path.parents if each.is_relative_to(folder) and is_archive(each.name)), None
    )


def _choose_notebook(folder: Path, paths: Sequence[Path], expected: Expected) -> tuple[Path, list[str]]:
    if len(paths) == 1:
        return _with_plain_suffix(folder, paths[0])
    candidates = _without_copies([_read(path, folder, expected) for path in paths])
    in_the_open = [each for each in candidates if not each.was_packed and each.filled(expected)]
    worked = [each for each in in_the_open or candidates if not each.is_empty_handout(expected)] or candidates
    earlier = list_earlier(candidate.path for candidate in worked)
    copies = {path for paths in earlier.values() for path in paths}
    best = _choose([candidate for candidate in worked if candidate.path not in copies], expected)
    others = [candidate.name for candidate in candidates if candidate is not best]
    notes = []
    if others:
        filled = len(best.filled(expected))
        why = (
            _compare(best, [each for each in worked if each.path in earlier[best.path]], expected)
            if best.path in earlier
            else f"it fills {filled} of the {len(expected.tags)} cells that are graded"
            if filled
            else "it has the tags of graded cells"
            if best.sources
            else "the others are the empty handout"
        )
        notes = [f"{best.name} was chosen: {why}. Set aside: {listed(others)}."]
    path, more = _with_plain_suffix(folder, best.path)
    return path, notes + more


def _compare(latest: _Candidate, copies: Sequence[_Candidate], expected: Expected) -> str:
    """Why the latest of several copies was chosen; and that it has less than another one, since a person may want to look."""
    fuller = [copy for copy in copies if len(copy.filled(expected)) > len(latest.filled(expected))]
    reason = "of the copies it is the latest, by its name"
    if not fuller:
        return reason
    return (
        f"{reason}, though {listed([copy.name for copy in fuller])} fills more of the cells that are graded"
    )


def _script_notebooks(files: Sequence[Path], expected: Expected) -> list[Path]:
    """Return Python files that are notebooks in text form, for submissions without any other notebook."""
    found = []
    for path in files:
        if path.suffix.lower() == ".py" and path.name.lower() not in map(str.lower, expected.scripts):
            text = path.read_bytes()[:_MAX_COMPARED_BYTES].decode(errors="replace")
            named = any(f'"{tag}"' in text or f"'{tag}'" in text for tag in expected.tags)
            is_notebook = re.search(r"^# (%%|\+|In\[)", text, re.MULTILINE) is not None
            if is_notebook and (named or not expected.tags or _tagged_sources(path, expected)):
                found.append(path)
    return found


def _absence(folder: Path, files: Sequence[Path], scripts: Sequence[str]) -> str:
    """What to say if there is neither a notebook nor any of `scripts`."""
    nested = [_shown(path, folder) for path in files if is_archive(path.name)]
    if nested:
        return f"There is no notebook in it, but another archive: {listed(nested)}. Unpack that and hand in its files."
    seen = listed([_shown(path, folder) for path in files]) if files else "nothing"
    pages = [path for path in files if path.suffix.lower() in (".html", ".htm", ".pdf")]
    advice = " A page made from a notebook can't be run: hand in the .ipynb file itself." if pages else ""
    if scripts:
        return (
            f"There is no notebook in it (a file that ends in .ipynb) and none of the scripts {listed(scripts)}, only {seen}. "
            f"Hand in your notebook or your scripts.{advice}"
        )
    return f"There is no notebook in it (a file that ends in .ipynb), only {seen}. Hand in your notebook.{advice}"


def _without_copies(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Of each set of equal files, keep the one with the plainest name."""
    kept: dict[str, _Candidate] = {}
    for candidate in sorted(candidates, key=_plainness):
        kept.setdefault(candidate.digest, candidate)
    return list(kept.values())


def _plainness(candidate: _Candidate) -> tuple[bool, bool, int, str]:
    return (
        candidate.was_packed,
        bool(_COPY_MARK.search(candidate.path.stem)),
        len(candidate.name),
        candidate.name,
    )


def _choose(candidates: Sequence[_Candidate], expected: Expected) -> _Candidate:
    """Return the notebook that fills the most graded cells. Raises IntakeError if two fill equally many, but differently."""
    tagged = [candidate for candidate in candidates if candidate.sources] or list(candidates)
    most = max(len(candidate.filled(expected)) for candidate in tagged)
    best = [candidate for candidate in tagged if len(candidate.filled(expected)) == most]
    if len(best) > 1 and any(
        candidate.sources != best[0].sources or not candidate.sources for candidate in best
    ):
        fills = f"each fills {most} of the {len(expected.tags)} cells that are graded, differently"
        raise IntakeError(
            f"{len(best)} notebooks could be the one to grade: {listed([candidate.name for candidate in best])} "
            f"({fills if most else 'none has more of the graded cells than the others'}). "
            "Hand in one, or name the one that counts."
        )
    return best[0]


def _read(path: Path, folder: Path, expected: Expected) -> _Candidate:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    sources = _tagged_sources(path, expected)
    return _Candidate(path, _shown(path, folder), digest, sources, _find_archive(path, folder) is not None)


def _tagged_sources(path: Path, expected: Expected) -> dict[str, str]:
    """The sources of tagged cells without their white space; empty if the file can't be read as a notebook.

    Without any tag, those of the cells that define what the handout's do.
    """
    try:
        notebook = read_notebook(path)
    except NotebookError:
        return {}
    tagged = {tag: cell for cell in notebook.cells for tag in cell.tags if tag in expected.tags}
    tagged = tagged or {tag: cell for tag, (cell, *_) in find_by_names(notebook, expected.handout).items()}
    return {tag: squeeze(cell.source) for tag, cell in tagged.items()}


def _with_plain_suffix(folder: Path, path: Path) -> tuple[Path, list[str]]:
    """Give a notebook that a browser saved as ``.ipynb.txt`` its name back."""
    plain = _NOTEBOOK.sub(".ipynb", path.name)
    if plain == path.name or path.suffix == ".py" or path.with_name(plain).exists():
        return path, []
    renamed = path.rename(path.with_name(plain))
    return renamed, [f"{_shown(path, folder)} was read as {plain}."]


def _find_scripts(
    folder: Path, files: Sequence[Path], names: Sequence[str]
) -> tuple[dict[str, Path], list[str], dict[str, str]]:
    """Find each script. Of several with the same name, the one beside the other scripts is taken; equal copies count as one."""
    options = {name: _named(files, name) for name in names}
    score = {path.parent: 0 for paths in options.values() for path in paths}
    for paths in options.values():
        for parent in {path.parent for path in paths}:
            score[parent] += 1
    scripts: dict[str, Path] = {}
    notes: list[str] = []
    ambiguous: dict[str, str] = {}
    for name, paths in options.items():
        most = max((score[path.parent] for path in paths), default=0)
        best = [path for path in paths if score[path.parent] == most]
        shown = [_shown(path, folder) for path in best]
        if len({path.read_bytes() for path in best}) > 1:
            ambiguous[name] = (
                f"There are {len(best)} different files {name}: {listed(shown)}. Hand in one of them."
            )
        elif best:
            scripts[name] = best[0]
            others = [_shown(path, folder) for path in paths if path not in best]
            if others:
                notes.append(
                    f"{shown[0]} was chosen: it lies beside the other scripts. Set aside: {listed(others)}."
                )
            elif best[0].name != name:
                notes.append(f"{shown[0]} was taken as {name}.")
    return scripts, notes, ambiguous


def _named(files: Sequence[Path], name: str) -> list[Path]:
    """Return files of this name, otherwise of this name with other capitals or with a browser's mark of a second download."""
    exact = [path for path in files if path.name == name]
    return exact or [path for path in files if _plain_name(path).lower() == name.lower()]


def _plain_name(path: Path) -> str:
    return re.sub(r" ?\(\d+\)$", "", path.stem) + path.suffix


def _shown(path: Path, folder: Path) -> str:
    return show(path.relative_to(folder).as_posix())
