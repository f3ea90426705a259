"""What a student wrote for a person to read, in a notebook or beside scripts: the important first, and no more than one can read.

Beside scripts this is, in this order:

1. text files of the exercise, or of all exercises: neither logs nor data nor lists of packages, which only look like text;
2. docstrings and comments of the exercise's programs and of the modules that they import;
3. comments of its shell scripts.

What the homework gives, a placeholder or a comment in the scripts that students start from, is not theirs and left out.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from .handout import Handout, squeeze
from .homework import Exercise, Homework
from .intake import HandIn, list_used, show
from .notebook import Cell, Notebook
from .tags import find_text

MOST_CHARACTERS = 20_000  # in all; the rest is cut off, and a note says so
_FILE_CHARACTERS = 8_000  # of one file, so that none crowds out the others
_READ_BYTES = 1 << 20
_FEW_WORDS = 6  # in comments of code that explain no more than the code
_TEXTS = (".md", ".txt", ".rst", ".org", ".tex")
_TEXT_BYTES = 100_000  # a longer text was not written to explain anything
_PROGRAMS = (".py", ".sh", ".bash", ".bat", ".cmd")
_NO_EXPLANATION = re.compile(
    r"(out|outputs?|stdout|stderr|err|errors?|logs?|nohup|print|console|slurm|loss(es)?|train(ing)?|results?|rank|trace"
    r"|requirements|constraints|packages|environment|freeze|licen[cs]e|cmakelists"
    r"|data|datasets?|vocab(ulary)?|tokens?|stor(y|ies)|tinystories|corpus|inputs?|valid|test)([\W_\d]|$)",
    re.IGNORECASE,
)
_EXPLAINS = re.compile("expla|readme|report|answer|why|how|erkl", re.IGNORECASE)
_OF_PROGRAMS = {
    "log",
    "logs",
    "data",
    "dataset",
    "datasets",
    "out",
    "output",
    "outputs",
    "results",
    "runs",
    "launch-output",
}


@dataclass(frozen=True)
class Explanation:
    """text: what was written; remark: what to know about it, or why there is none

    is_missing: there is nothing that a person could read, here or elsewhere
    """

    text: str
    remark: str = ""
    is_missing: bool = False


def read_cells(notebook: Notebook, handout: Handout, tag: str) -> Explanation:
    """The text of the cells with a tag and of the author's own cells right below; without the tag, of those that stand in its place."""
    tagged = [cell for cell in notebook.cells if tag in cell.tags]
    cells = tagged or find_text(notebook, handout, tag)
    if not cells:
        return _find_nothing(f"No cell has the tag {tag!r}.", notebook, handout, tag)
    below = takewhile(
        lambda cell: not cell.is_code and not cell.tags and not handout.has(cell),
        notebook.cells[cells[-1].index + 1 :],
    )
    written = [
        cell
        for cell in [*cells, *below]
        if cell.source.strip() and not handout.is_untouched(tag, cell.source)
    ]
    if not written:
        is_placeholder = any(handout.is_untouched(tag, cell.source) for cell in cells)
        seen = "The placeholder is unchanged: nothing" if is_placeholder else "Nothing"
        return _find_nothing(
            f"{seen} was written in the cell tagged {tag!r} or below it.", notebook, handout, tag
        )
    remark = ""
    if not tagged:
        remark = f"No cell has the tag {tag!r}; this stands in its place, in {', '.join(map(str, written))}."
    elif not set(written) <= set(tagged):
        remark = f"This stands in {', '.join(map(str, written))}, of which not all have the tag {tag!r}."
    return Explanation(_cut("\n\n".join(cell.source for cell in written), MOST_CHARACTERS), remark)


def _is_prose(cell: Cell) -> bool:
    """Whether a cell is text, or code that has nothing but comments and texts."""
    if not cell.is_code:
        return True
    try:
        statements = ast.parse(cell.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Constant)
        and isinstance(each.value.value, str)
        for each in statements
    )


def _is_explained(cell: Cell, handout: Handout, tag: str) -> bool:
    """Whether the code that stands above the text in the handout has comments of the author's own, beyond a few words."""
    places = [each for each in handout.notebook.cells if each.is_code or tag in each.tags]
    place = next((number for number, each in enumerate(places) if tag in each.tags), 0)
    above = set(places[place - 1].tags) & set(cell.tags) if place else set()
    given = {squeeze(text) for each in above for _, text in _read_python_comments(handout.cells[each])}
    comments = [text for _, text in _read_python_comments(cell.source) if squeeze(text) not in given]
    return bool(above) and len(" ".join(comments).split()) > _FEW_WORDS


def _find_nothing(remark: str, notebook: Notebook, handout: Handout, tag: str) -> Explanation:
    """No text in its place. Another one of the author's own may be meant, which a person has to see."""
    others = [
        cell
        for cell in notebook.cells
        if cell.source.strip()
        and (_is_prose(cell) or _is_explained(cell, handout, tag))
        and not handout.has(cell)
        and not any(handout.is_untouched(each, cell.source) for each in cell.tags)
    ]
    if not others:
        return Explanation("", remark, is_missing=True)
    return Explanation(
        "", f"{remark} There is text of the author's own in {', '.join(map(str, others[:5]))}."
    )


def read_scripts(hand_in: HandIn, homework: Homework, exercise: Exercise) -> Explanation:
    """What stands beside the code of an exercise's scripts, each part below the name of its file."""
    source = _Writings(hand_in, homework, exercise)
    parts = [(path, _read(path)) for path in source.list_texts()]
    parts += [(path, source.read_own_comments(path)) for path in source.list_code()]
    found = [
        f"{show(source.name(path))}\n{_cut(words, _FILE_CHARACTERS)}"
        for path, words in parts
        if words.strip()
    ]
    absence = (
        "The scripts have no comments of their author's own, and there is no text file beside them."
        if source.list_code()
        else f"There are no scripts of {exercise.id}, and no text file about it."
    )
    return Explanation(
        _cut("\n\n".join(found), MOST_CHARACTERS), "" if found else absence, is_missing=not found
    )


def list_texts(hand_in: HandIn, homework: Homework) -> list[Path]:
    """The files that are read for any exercise's explanation."""
    exercises = [each for each in homework.exercises if any(item.tag is None for item in each.manual)]
    return [path for each in exercises for path in _Writings(hand_in, homework, each).list_texts()]


def list_programs(hand_in: HandIn, homework: Homework, exercise: Exercise) -> list[Path]:
    """The exercise's scripts and what these use, programs first; not those of other exercises."""
    return _Writings(hand_in, homework, exercise).list_code()


@dataclass(frozen=True)
class _Writings:
    """Where what was written about one exercise may stand."""

    hand_in: HandIn
    homework: Homework
    exercise: Exercise

    def name(self, path: Path) -> str:
        return path.relative_to(self.hand_in.folder).as_posix()

    def list_texts(self) -> list[Path]:
        """The text files that may explain the exercise; those beside its scripts first."""
        files = sorted(path for path in self.hand_in.folder.rglob("*") if path.is_file())
        folders = {script.parent for script in self._list_scripts(self.exercise)}
        texts = [path for path in files if self._is_text(path) and self._is_of_exercise(path)]
        return sorted(texts, key=lambda path: path.parent not in folders)

    def _is_text(self, path: Path) -> bool:
        is_readme = path.name.lower() == "readme"
        folders = {folder.lower() for folder in Path(self.name(path)).parts[:-1]}
        is_by_name = is_readme or bool(_EXPLAINS.search(path.name))
        return (
            (path.suffix.lower() in _TEXTS or is_readme)
            and (is_by_name or path.suffix.lower() != ".txt" or not _NO_EXPLANATION.match(path.name))
            and not folders & _OF_PROGRAMS
            and path.stat().st_size <= _TEXT_BYTES
            and not _is_log(_read(path))
        )

    def _is_of_exercise(self, path: Path) -> bool:
        """Whether a text is not about another exercise: by its name and its folders' names, else by whose scripts lie beside it."""
        graded = [each for each in self.homework.exercises if each.files]
        named = [each for each in graded if _names(each, self.name(path))]
        beside = [
            each for each in graded if path.parent in {script.parent for script in self._list_scripts(each)}
        ]
        return self.exercise in (named or beside or graded)

    def _list_scripts(self, exercise: Exercise) -> list[Path]:
        return [self.hand_in.scripts[name] for name in exercise.files if name in self.hand_in.scripts]

    def list_code(self) -> list[Path]:
        """The exercise's scripts and what these use, programs first; not those of other exercises."""
        own = self._list_scripts(self.exercise)
        others = {path for each in self.homework.exercises for path in self._list_scripts(each)} - set(own)
        used = [path for path in list_used(self.hand_in.folder, own) if path.suffix.lower() in _PROGRAMS]
        return sorted(
            (path for path in used if path not in others), key=lambda path: path.suffix.lower() != ".py"
        )

    def read_own_comments(self, path: Path) -> str:
        """The docstrings and comments of a file that the scripts which students start from do not have."""
        return "\n".join(
            f"{place}: {text}" if place else text
            for place, text in _read_comments(path)
            if squeeze(text) not in self._given
        )

    @cached_property
    def _given(self) -> set[str]:
        folder = self.homework.starters
        files = self.homework.find_given(folder).iterdir() if folder else ()
        return {
            squeeze(text) for path in files if path.suffix in _PROGRAMS for _, text in _read_comments(path)
        }


def _names(exercise: Exercise, text: str) -> bool:
    """Whether a text names an exercise or one of its files, as a word or a part of one: `b1`, `why_B1`."""
    names = "|".join(re.escape(name) for name in {exercise.id, *(Path(file).stem for file in exercise.files)})
    return (
        re.search(rf"(?<![a-z0-9])({names})(?![a-z0-9])", text.replace("_", " "), re.IGNORECASE) is not None
    )


def _is_log(text: str) -> bool:
    """Whether most lines are numbers, or the same words around other numbers."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    counted = [re.sub(r"\d+", "0", line) for line in lines if re.search(r"\d", line)]
    is_same = len(counted) > 10 and len(set(counted)) < len(counted) / 5
    return bool(lines) and 2 * len(counted) > len(lines) and (is_same or not re.search(r"[^\W\d_]{3}", text))


def _read(path: Path) -> str:
    return path.read_bytes()[:_READ_BYTES].decode("utf-8", "replace")


def _read_comments(path: Path) -> Iterable[tuple[int, str]]:
    """Each docstring, and each comment with its line; the line of a docstring is 0."""
    text = _read(path)
    if path.suffix.lower() == ".py":
        return [*((0, docstring) for docstring in _read_docstrings(text)), *_read_python_comments(text)]
    lines = enumerate(text.splitlines(), 1)
    return [
        (number, line[line.index("#") :])
        for number, line in lines
        if "#" in line and not line.startswith("#!")
    ]


def _read_docstrings(text: str) -> list[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented))
    return [docstring for docstring in found if docstring]


def _read_python_comments(text: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return  # what came before the broken place has been found


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[cut here]"
