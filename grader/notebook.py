"""Reading a notebook: any nbformat 4 file (older ones are upgraded) or a jupytext script, and its cells by tag."""

from __future__ import annotations

import codecs
import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from .failure import fail

# A notebook larger than this holds saved output, not answers.
MAX_BYTES = 256 * 1024 * 1024
MAX_CELLS = 5_000
MAX_SOURCE_CHARACTERS = 2_000_000
_MAX_TAGS = 20  # of a cell
_MAX_COMPARED = 1_000  # tags that a missing one is compared with, in case it is misspelt
_MAX_TAG_CHARACTERS = 100
_CONFLICT = re.compile(r"^[ \t\"]*(<{7}|>{7})(?![<>])", re.MULTILINE)
_EXPORTED_CELL = re.compile(r"^# In\[[ \d]*\]:$", re.MULTILINE)  # as nbconvert and Jupyter export a script


class NotebookError(ValueError):
    """A file can't be read as a notebook; the message is one line for the person who handed it in or named it."""


@dataclass(frozen=True)
class Cell:
    """A cell: where it stands, what kind it is, its source and its tags."""

    index: int
    kind: str
    source: str
    tags: tuple[str, ...]
    tags_unread: bool = False
    """Whether its metadata has tags that are not a list."""

    @property
    def is_code(self) -> bool:
        return self.kind == "code"

    def __str__(self) -> str:
        return f"cell {self.index + 1}"


@dataclass(frozen=True)
class Notebook:
    """python: the version that last ran it, as far as its metadata say"""

    path: Path
    cells: tuple[Cell, ...]
    python: str = ""

    def find(self, tag: str) -> Cell | None:
        """The code cell with `tag`, or None if there is not exactly one."""
        found = [cell for cell in self.cells if tag in cell.tags and cell.is_code]
        return found[0] if len(found) == 1 else None

    def require(self, tag: str, names: Collection[str] = ()) -> Cell:
        """The code cell with `tag`; fails the check, saying what is wrong with the tag, if there is not exactly one.

        names: what it should define
        """
        tagged = [cell for cell in self.cells if tag in cell.tags]
        code = [cell for cell in tagged if cell.is_code]
        if len(code) == 1:
            return code[0]
        if len(code) > 1:
            fail(
                f"The tag {tag!r} is on {len(code)} code cells ({_list(code)}).",
                f"exactly one code cell tagged {tag!r}",
                "remove the tag from all but the one with your answer (in Jupyter: the cell's property inspector).",
                f"tag-{tag}-on-several-cells",
            )
        if tagged:
            fail(
                f"The tag {tag!r} is on {_list(tagged)}, which holds {tagged[0].kind}, not code.",
                f"a code cell tagged {tag!r}",
                "change the type of that cell to code, or move the tag to the code cell with your answer.",
                f"tag-{tag}-on-a-{tagged[0].kind}-cell",
            )
        unread = next((cell for cell in self.cells if cell.tags_unread), None)
        if unread is not None:
            fail(
                f"No cell has the tag {tag!r}, and the tags of {unread} can't be read: they are not a list.",
                f"one code cell with {tag!r} in its list of tags",
                f"remove the tags of {unread} in Jupyter's property inspector, and add them again.",
                f"no-tag-{tag}",
            )
        near = self._find_near(tag)
        if near is None and (cells := self.list_defining(names)):
            self._fail_untagged(tag, names, cells)
        seen = f"No cell has the tag {tag!r}" + (f", but {near[0]} has {near[1]!r}." if near else ".")
        advice = (
            f"correct the tag of {near[0]} to {tag!r}."
            if near
            else f"give the cell with your answer the tag {tag!r} again (compare with the handout)."
        )
        return fail(seen, f"one code cell tagged {tag!r}", advice, f"no-tag-{tag}")

    def _fail_untagged(self, tag: str, names: Collection[str], cells: Sequence[Cell]) -> NoReturn:
        advice = "give it this tag" if len(cells) == 1 else "give this tag to the one that counts"
        fail(
            f"No cell has the tag {tag!r}, but {_list(cells)} {'defines' if len(cells) == 1 else 'define'} {' and '.join(names)}.",
            f"one code cell tagged {tag!r}",
            f"{advice} (in Jupyter: the cell's property inspector).",
            f"no-tag-{tag}",
        )

    def list_defining(self, names: Collection[str]) -> list[Cell]:
        """The code cells that define all of the names at their top level; none if there are no names."""
        codes = [cell for cell in self.cells if cell.is_code and names]
        return [cell for cell in codes if all(defines(cell.source, name) for name in names)]

    def _find_near(self, tag: str) -> tuple[Cell, str] | None:
        present = {other.lower(): (cell, other) for cell in self.cells for other in cell.tags}
        near = difflib.get_close_matches(tag.lower(), list(present)[:_MAX_COMPARED], n=1, cutoff=0.8)
        return present[near[0]] if near else None


def read_notebook(path: Path) -> Notebook:
    """Read an `.ipynb` file, or a `.py` file in one of jupytext's formats.

    Raises NotebookError if there is no such file, or if it is in none of these formats.
    """
    check_path(path)
    content = _decode(path)
    parsed = _parse_script(path, content) if path.suffix == ".py" else _parse_json(path, content)
    return Notebook(path, _read_cells(path, parsed), _read_python(parsed))


def check_path(path: Path) -> None:
    """Raises NotebookError if there is no file, or one that is too large."""
    if path.is_dir():
        raise NotebookError(f"{path} is a folder; name the notebook in it.")
    if not path.is_file():
        raise NotebookError(f"{path} does not exist; give the path of your notebook (.ipynb).")
    if path.stat().st_size > MAX_BYTES:
        raise NotebookError(
            f"{path.name} has {path.stat().st_size >> 20} MiB, but at most {MAX_BYTES >> 20} are read; "
            "clear its outputs and save it again."
        )


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    if raw.startswith(b"PK\x03\x04"):
        raise NotebookError(
            f"{path.name} is not a text file but a zip archive; unpack it, and hand in the notebook that is in it."
        )
    try:
        content = raw.decode(
            "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        )
    except UnicodeDecodeError as error:
        raise NotebookError(
            f"{path.name} is not a text file (byte {error.start} is not {error.encoding.upper()}); save the notebook as .ipynb from Jupyter."
        ) from error
    if not content.strip():
        raise NotebookError(f"{path.name} is empty; save your notebook and try again.")
    if content.lstrip().startswith("<") and path.suffix != ".py":
        raise NotebookError(
            f"{path.name} is a web page (HTML or XML), not a notebook; download the notebook itself (on GitHub: the raw file)."
        )
    return content


def _parse_script(path: Path, content: str) -> Any:
    """A Python file counts as a notebook if jupytext finds cell markers in it."""
    content = _EXPORTED_CELL.sub("# %%", content)
    marks = ("# %%", "# +", "#%%")
    if not any(line.startswith(marks) for line in content.splitlines()):
        raise NotebookError(
            f"{path.name} is a Python file without jupytext cells (lines that start with '# %%'); hand in the .ipynb file instead."
        )
    try:
        import jupytext  # takes half a second in each process of the grader, and most submissions are .ipynb
    except ImportError as error:  # as among students, who don't need it
        raise NotebookError(
            f"{path.name} is a notebook as a Python file, which takes jupytext to read; give the .ipynb file, or pip install jupytext."
        ) from error
    return jupytext.reads(content, fmt="py")


def _parse_json(path: Path, content: str) -> Any:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits is a plain ValueError
        raise NotebookError(f"{path.name} is not a notebook: {_explain_json(content, error)}") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("nbformat"), int):
        raise NotebookError(
            f"{path.name} is JSON, but not a notebook: it has no nbformat number; save it as .ipynb from Jupyter."
        )
    if parsed["nbformat"] >= 4:
        return parsed
    import nbformat  # compiles schemas for half a second, and hardly a notebook is that old

    try:
        return nbformat.convert(nbformat.reads(content, as_version=nbformat.NO_CONVERT), 4)
    except Exception as error:  # nbformat has no common base for what a malformed old notebook makes it raise
        raise NotebookError(
            f"{path.name} has the old notebook format {parsed['nbformat']} and can't be upgraded ({error!r}); open it in Jupyter and save it."
        ) from error


def _explain_json(content: str, error: Exception) -> str:
    if (line := find_conflict(content)) is not None:
        return (
            f"it has an unresolved Git conflict in line {line}; keep one version of each conflict, remove the lines with "
            "<<<<<<<, ======= and >>>>>>>, and open it in Jupyter to check."
        )
    if not content.rstrip().endswith("}"):
        return f"it ends in the middle (it is not JSON: {error}), as after an interrupted download; hand in the whole file."
    return f"it is not JSON ({error}); save it as .ipynb from Jupyter."


def find_conflict(text: str) -> int | None:
    """The number of the first line that Git left where it could not merge two versions."""
    found = _CONFLICT.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def _read_python(parsed: Any) -> str:
    """The version of Python in a notebook's metadata; empty if they name none."""
    value = parsed
    for key in ("metadata", "language_info", "version"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) and re.fullmatch(r"[\d.]{3,10}", value) else ""


def _read_cells(path: Path, parsed: Any) -> tuple[Cell, ...]:
    raw = parsed.get("cells")
    if not isinstance(raw, list) or not raw:
        raise NotebookError(f"{path.name} has no cells; check that you handed in the right file.")
    if len(raw) > MAX_CELLS:
        raise NotebookError(
            f"{path.name} has {len(raw):,} cells, but at most {MAX_CELLS:,} are read; hand in your homework only."
        )
    return tuple(_read_cell(path, index, cell) for index, cell in enumerate(raw))


def _read_cell(path: Path, index: int, cell: Any) -> Cell:
    if not isinstance(cell, dict):
        raise NotebookError(
            f"{path.name} is damaged: cell {index + 1} is not an object; open it in Jupyter and save it again."
        )
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotebookError(
            f"{path.name} is damaged: the source of cell {index + 1} is not text; open it in Jupyter and save it again."
        )
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise NotebookError(
            f"{path.name}: cell {index + 1} has {len(source):,} characters, at most {MAX_SOURCE_CHARACTERS:,} are read."
        )
    tags = _read_tags(cell)
    return Cell(index, str(cell.get("cell_type", "code")), source, tags or (), tags_unread=tags is None)


def _read_tags(cell: dict[str, Any]) -> tuple[str, ...] | None:
    """A cell's tags; None if they are neither a list nor, as some tools write them, one string."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags", ()) if isinstance(metadata, dict) else ()
    if isinstance(tags, str):
        tags = tags.replace(",", " ").split()
    if not isinstance(tags, Sequence):
        return None
    texts = [tag for tag in tags[:_MAX_TAGS] if isinstance(tag, str) and len(tag) <= _MAX_TAG_CHARACTERS]
    return tuple(dict.fromkeys(tag.strip() for tag in texts))


def defines(source: str, name: str) -> bool:
    """Whether code gives a name a value at its top level."""
    # Not parsed: a cell that has a mistake or a magic in it is still the cell.
    known = rf"^(?:(?:async )?(?:class|def) +{name}\b|{name} *(?::[^=\n]+)?=(?!=)|from +[\w.]+ +import\b.*\b{name}\b)"
    return re.search(known, source, re.MULTILINE) is not None


def _list(cells: Sequence[Cell]) -> str:
    return ", ".join(map(str, cells))
