"""Names of handed-in files: which are honest, which are litter, and which would change how grading works."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from enum import Enum

_MAX_NAME_BYTES = 255
_MAX_PATH_BYTES = 1024
_MAX_DEPTH = 24
_MAX_SHOWN = 100
_ONE_WORD = re.compile(r"[\w.…+()/-]+")

# Made by systems and tools, never by a student: copies of notebooks among them would only compete with the real ones.
_LITTER = frozenset(
    [
        "__macosx",
        ".ds_store",
        ".ipynb_checkpoints",
        "__pycache__",
        "thumbs.db",
        "desktop.ini",
        ".git",
        ".svn",
        ".hg",
        ".venv",
        "venv",
        "node_modules",
        ".tox",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".idea",
        ".vscode",
        ".ipython",
        ".jupyter",
        ".cache",
        ".trash",
        ".fseventsd",
        ".spotlight-v100",
    ]
)
# Read by Python, pytest or Jupyter without being named: they would change how grading runs.
_SETTINGS = frozenset(
    [
        "conftest.py",
        "pytest.ini",
        ".pytest.ini",
        "tox.ini",
        "setup.cfg",
        "setup.py",
        "pyproject.toml",
        ".coveragerc",
        "sitecustomize.py",
        "usercustomize.py",
        "ipython_config.py",
        "ipython_kernel_config.py",
        "jupyter_config.py",
        "pyvenv.cfg",
    ]
)
_SETTINGS_SUFFIXES = (".pth", ".egg-link")


class IntakeError(Exception):
    """What was handed in cannot be taken in; the message is one line for a person: what was seen, what was expected, what to do."""


class UnpackingError(IntakeError):
    """What was handed in could not be unpacked, and that was not the submission's doing.

    outcome: `interrupted` or `machine`
    """

    def __init__(self, sentence: str, outcome: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome


DAMAGED = "The archive is damaged or was cut off ({}). Open it yourself to check, pack it again and hand it in again."
ENCRYPTED = "The archive is protected by a password. Pack it without one and hand it in again."


class Kind(Enum):
    """What becomes of a handed-in file."""

    KEPT = "kept"
    LITTER = "litter"
    SETTING = "setting"
    RESERVED = "reserved"


def clean(raw: str) -> tuple[str, ...]:
    """Return a name as parts that are safe on every system and shown as they are.

    Raises IntakeError for a name that leads out of its folder.
    """
    name = _decode(raw).replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise IntakeError(
            f"{name!r} is an absolute name, but names must stay within the archive. {_PACK_ANEW}"
        )
    parts = tuple(_clean_part(part) for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise IntakeError(f"{name!r} leads out of the archive, but names must stay within it. {_PACK_ANEW}")
    return parts


def is_too_long(parts: Sequence[str]) -> bool:
    """Whether a name is longer or more deeply nested than files of a homework are, and than every system takes."""
    sizes = [len(part.encode()) for part in parts]
    return (
        max(sizes, default=0) > _MAX_NAME_BYTES
        or sum(sizes) + len(sizes) > _MAX_PATH_BYTES
        or len(sizes) > _MAX_DEPTH
    )


def show(name: str) -> str:
    """A clean name within a sentence: not too long, and in quotes unless it is one word, which nobody takes for words of the sentence."""
    if len(name) > _MAX_SHOWN:
        name = f"{name[: _MAX_SHOWN // 2]}…{name[-_MAX_SHOWN // 2 :]}"
    return name if _ONE_WORD.fullmatch(name) else f'"{name}"'


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names as they are, as part of a sentence; how many more there are, if they are more than `most`."""
    names = list(names)
    shown = names[:most] + ([f"{len(names) - most} more"] if len(names) > most else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


_PACK_ANEW = "Pack your folder again with your system's own tool and hand it in again."


def is_litter(part: str) -> bool:
    """Whether a file or folder of this name was made by a system or a tool."""
    return part.lower() in _LITTER or part.startswith(("._", "~$")) or part.endswith((".pyc", ".pyo"))


def classify(parts: tuple[str, ...], reserved: Collection[str]) -> tuple[Kind, str]:
    """Return what becomes of a file, and the part of its name that decides it."""
    for part in parts:
        if is_litter(part):
            return Kind.LITTER, part
    for part in parts:
        if part in reserved or part.removesuffix(".py") in reserved:
            return Kind.RESERVED, part
    last = parts[-1]
    if last.lower() in _SETTINGS or last.lower().endswith(_SETTINGS_SUFFIXES):
        return Kind.SETTING, last
    return Kind.KEPT, last


class Names:
    """The names taken so far; it refuses a name that would be the same file as another on some system."""

    def __init__(self) -> None:
        self._spelled: dict[tuple[str, ...], str] = {}
        self._files: set[tuple[str, ...]] = set()

    def take(self, raw: str, parts: tuple[str, ...]) -> None:
        """Take a file's name. Raises IntakeError where it clashes with one taken before."""
        spellings = [part for part in _decode(raw).replace("\\", "/").split("/") if part not in {"", "."}]
        key: tuple[str, ...] = ()
        for depth, part in enumerate(parts, 1):
            key = (*key, unicodedata.normalize("NFKC", part).casefold())
            whole = "/".join(spellings[:depth])
            is_new = key not in self._spelled
            before = self._spelled.setdefault(key, whole)
            if before != whole:
                raise IntakeError(f"{before!r} and {whole!r} are the same name on some systems. {_KEEP_ONE}")
            if key in self._files or (depth == len(parts) and not is_new):
                raise IntakeError(f"{whole!r} is in it twice, and only one can be graded. {_KEEP_ONE}")
        self._files.add(key)


_KEEP_ONE = "Keep the one that counts and hand it in again."


def _decode(raw: str) -> str:
    """Return a name that was not stored as Unicode: its bytes come as surrogates, and mostly are in Windows' own encoding."""
    if not any("\ud800" <= character <= "\udfff" for character in raw):
        return raw
    try:
        return raw.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    except UnicodeEncodeError:  # not bytes, but half of a character
        return "".join("_" if "\ud800" <= character <= "\udfff" else character for character in raw)


def _clean_part(part: str) -> str:
    normal = unicodedata.normalize("NFC", part)
    return "".join(
        "_"
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or character in '<>:"|?*'
        else character
        for character in normal
    )
