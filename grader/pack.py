"""Packs what a student hands in: one archive, taken in afterwards as grading will, so that what is missing shows before the hand-in.

1. The folder is taken in as a submission is: links, copies and what a system made are left out, and its notes say so.
2. What is graded goes into the archive, with what it uses and the texts that explain it.
3. The archive is taken in: what is found in it is what will be graded.
4. What is missing is listed, exercise by exercise.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import display
from .explanation import list_texts
from .homework import Exercise, Homework
from .intake import MIB, HandIn, is_litter, list_unused, list_used, listed, open_hand_in, show
from .notebook import Notebook, read_notebook
from .scripts import Scripts, expect
from .tags import restore_tags
from .untouched import find_untouched, is_untouched

SIGN = b"Packed by grader pack"  # the comment of such an archive, which may be replaced by the next one
_FIRST_DAY = (1980, 1, 1)  # that a zip can tell
LARGE_BYTES = 50 * MIB
_MOST_NAMED = 10


class PackError(ValueError):
    """Nothing was packed; the message is one line for the student."""


@dataclass(frozen=True)
class Package:
    """An archive that was packed.

    files: by its name in the archive, the exercises that are graded from it; none for what these use or what explains them
    left: the names of files that are not in it
    problems: what is missing, a sentence each
    """

    path: Path
    files: Mapping[str, Sequence[str]]
    left: Sequence[str]
    problems: Sequence[str]
    notes: Sequence[str]
    has_replaced: bool


def pack(
    homework: Homework, folder: Path | None, out: Path | None, added: Sequence[Path], workdir: Path
) -> Package:
    """Pack what is to be handed in.

    folder: where it lies; by default the current folder, or in the homework's own folder that of its notebook
    out: the archive; by default one in the current folder, with the notebook's name
    added: files of the folder that go into it though nothing seems to use them
    Raises PackError or IntakeError, with one line for the student.
    """
    handout = homework.folder / homework.handout_file
    folder = Path(os.path.abspath(_find_folder(folder, homework.folder, handout.parent)))  # noqa: PTH100 - removes `..`, follows no link
    out = (out or Path(f"{handout.stem}.zip")).absolute()
    has_replaced = _check_out(out)
    own = {path for path in (out, *folder.glob("*.zip")) if is_own(path)}
    large = set(_list_large(folder)) - own
    found = open_hand_in(folder, workdir / "folder", expected=expect(homework), passed_over=own | large)
    _check_choice(found)
    chosen = _choose(found, homework, [_locate(found, folder, path) for path in added])
    names = {PurePosixPath(_name(found, path)): path for path in chosen}
    write_zip(names, out, comment=SIGN)
    packed = open_hand_in(out, workdir / "archive", expected=expect(homework))
    return Package(
        out,
        {str(name): list(_list_exercises(packed, homework, str(name))) for name in sorted(names)},
        list(dict.fromkeys(_list_left(found, set(map(str, names))))),
        list(_list_problems(packed, homework)),
        (*found.notes, *(_tell_large(path, folder) for path in sorted(large))),
        has_replaced,
    )


def _find_folder(asked: Path | None, homework: Path, work: Path) -> Path:
    """The folder that was asked for, else the current one; in place of the homework's own, that of its notebook."""
    if asked is None:
        return work if Path.cwd().is_relative_to(homework) else Path.cwd()
    return work if asked.resolve() == homework else asked


def _list_large(folder: Path) -> Iterator[Path]:
    """Files that nobody has to hand in."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_litter(name)]
        paths = (Path(place, name) for name in files)
        yield from (path for path in paths if path.is_file() and path.stat().st_size > LARGE_BYTES)


def _tell_large(path: Path, folder: Path) -> str:
    size = path.stat().st_size // MIB
    return f"{show(path.relative_to(folder).as_posix())} was left out: it has {size:,} MiB. A hand-in needs no data sets and no models."


def is_own(path: Path) -> bool:
    """Whether a file is an archive that was packed here."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment == SIGN
    except (OSError, zipfile.BadZipFile):
        return False


def _check_out(out: Path) -> bool:
    """Whether an archive that was packed before is replaced. Raises PackError if something else is in the way."""
    if out.suffix.lower() != ".zip":
        raise PackError(f"{out} would not be known as an archive; name a file that ends in .zip with --out.")
    if not out.parent.is_dir():
        raise PackError(f"There is no folder {out.parent}; name another file with --out.")
    if out.exists() and not is_own(out):
        raise PackError(
            f"{out} exists already, and was not packed by this command; name another file with --out, or remove it."
        )
    return out.exists()


def _check_choice(found: HandIn) -> None:
    """Raises PackError where it is open which of several files is meant: each problem is one, but for what is only absent."""
    undecided = [text for name, text in found.problems.items() if name != "notebook" or _has_notebooks(found)]
    if undecided:
        raise PackError(f"Nothing was packed. {undecided[0]}")


def _has_notebooks(found: HandIn) -> bool:
    return any(path.is_file() for path in found.folder.rglob("*.ipynb"))


def _locate(found: HandIn, folder: Path, path: Path) -> Path:
    """A file that was asked for, in the clean folder. Raises PackError."""
    place = Path(os.path.abspath(path))  # noqa: PTH100
    if place.is_relative_to(folder):
        clean = found.folder / place.relative_to(folder)
        if clean.is_file():
            return clean
    raise PackError(f"--with {path}: there is no such file in {folder} that can be handed in.")


def _choose(found: HandIn, homework: Homework, added: Sequence[Path]) -> list[Path]:
    texts = list_texts(found, homework) if found.scripts else []
    return list(dict.fromkeys(list_used(found.folder, [*found.list_graded(), *texts, *added])))


def _list_left(found: HandIn, packed: Collection[str]) -> Iterator[str]:
    """The names of other files; of folders of which nothing is packed, those of the folders."""
    folders = {str(parent) for name in packed for parent in PurePosixPath(name).parents}
    for name in list_unused(found.folder, ()):
        if name not in packed:
            parents = [str(parent) for parent in PurePosixPath(name).parents if str(parent) not in folders]
            yield f"{parents[-1]}/" if parents else name


def _name(found: HandIn, path: Path) -> str:
    return path.relative_to(found.folder).as_posix()


def _list_exercises(packed: HandIn, homework: Homework, name: str) -> Iterator[str]:
    """The exercises that a file of the archive is graded for."""
    for exercise in homework.exercises:
        graded = [packed.scripts[each] for each in exercise.files if each in packed.scripts]
        if exercise.tags and packed.notebook is not None:
            graded.append(packed.notebook)
        if name in {_name(packed, path) for path in graded}:
            yield exercise.id


# --- what is missing ------------------------------------------------------------------------------------------


def _list_problems(packed: HandIn, homework: Homework) -> Iterator[str]:
    notebook = None
    if packed.notebook is not None:
        notebook, notes = restore_tags(read_notebook(packed.notebook), homework.handout, homework.tags)
        yield from notes
    elif any(exercise.tags for exercise in homework.exercises):
        yield f"There is no notebook in it. {packed.problems.get('notebook', '')}".strip()
    untouched = find_untouched(homework, notebook, Scripts(packed))
    for exercise in homework.exercises:
        if exercise.id not in untouched:
            yield from _list_gaps(notebook, homework, exercise) if notebook else ()
            yield from _list_absent(packed, exercise)
    if untouched:
        ids = [exercise.id for exercise in homework.exercises if exercise.id in untouched]
        yield f"Still empty: {', '.join(ids)}."


def _list_gaps(notebook: Notebook, homework: Homework, exercise: Exercise) -> Iterator[str]:
    """Cells that are missing, and those that are as they were given."""
    present = {tag for cell in notebook.cells for tag in cell.tags}
    missing = [repr(tag) for tag in exercise.tags if tag not in present]
    empty = [repr(tag) for tag in exercise.tags if is_untouched(homework, tag, notebook)]
    if missing:
        yield f"{exercise.id}: no cell has the tag {listed(missing)}."
    if empty:
        yield f"{exercise.id}: still empty is {listed(empty)}."


def _list_absent(packed: HandIn, exercise: Exercise) -> Iterator[str]:
    absent = [name for name in exercise.files if name not in packed.scripts]
    if absent and len(absent) == len(exercise.files):
        yield f"{exercise.id}: there is none of {listed(absent)}."
        return
    for name in absent:
        yield f"{exercise.id}: {packed.problems.get(name) or f'there is no {name}.'}"


# --- the archive, and what is told of it -----------------------------------------------------------------------


def write_zip(
    files: Mapping[PurePosixPath, Path],
    out: Path,
    comment: bytes = b"",
    day: tuple[int, int, int] = _FIRST_DAY,
) -> None:
    """Whole or not at all, and the same bytes from the same files.

    day: year, month and day that files are said to be of
    """
    draft = out.with_name(f".{out.name}.draft")
    try:
        with zipfile.ZipFile(draft, "w") as archive:
            archive.comment = comment
            for name, path in sorted(files.items()):
                entry = zipfile.ZipInfo(str(name), (*day, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, path.read_bytes())
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def describe(package: Package, where: str) -> str:
    """What is in the archive, what is not, and what to look at before it is handed in.

    where: how a student hands in, as a clause
    """
    width = max(map(len, package.files), default=0)
    size = max(1, package.path.stat().st_size // 1000)
    before = ", in place of the one packed before" if package.has_replaced else ""
    lines = [f"{package.path.name} ({size:,} kB){before}:"]
    lines += [
        f"  {show(name):{width}}  {', '.join(exercises) or 'belongs to it'}"
        for name, exercises in package.files.items()
    ]
    if package.left:
        lines += [
            "",
            f"Not in it, since nothing that is graded uses it: {listed(package.left, _MOST_NAMED)}.",
        ]
        lines += ["  --with FILE adds one that is needed."]
    lines += [f"  {note}" for note in package.notes]
    if package.problems:
        lines += ["", "Look at this before you hand it in:"]
        lines += [f"  {problem}" for problem in package.problems]
    return display.plain("\n".join([*lines, "", f"{package.path} is ready: {where}."]))
