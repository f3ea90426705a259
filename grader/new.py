"""`grader new FOLDER`: a small homework that works at once, to be changed into another one. It is copied as it stands in `template/`."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"

_NEXT = """\
{folder} is a homework that works; its README.md says what each file is. Try it, then change it into yours:
  cd {quoted}
  pytest -fpath notebooks/solved.ipynb                                 # what students run
  grader grade --homework . --isolation none notebooks/solved.ipynb    # what decides the grade
  tox                                                                  # the solved notebook passes both"""


class FolderError(ValueError):
    """No homework can be made in a folder; the message is one line for the person who named it."""


def make_homework(folder: Path) -> str:
    """Make a homework in `folder`, and say what to do next. Raises FolderError if anything is in it, or it can't be written."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise FolderError(f"{folder} is not empty; name a folder that is, or a new one.")
        # Contents alone: where the kit can't be written, its files' modes would make a homework that can't be changed.
        shutil.copytree(
            TEMPLATE,
            folder,
            ignore=shutil.ignore_patterns("__pycache__"),
            copy_function=shutil.copyfile,
            dirs_exist_ok=True,
        )
    except (OSError, shutil.Error) as error:
        raise FolderError(f"{folder} can't be made: {getattr(error, 'strerror', None) or error}.") from error
    return _NEXT.format(folder=folder, quoted=shlex.quote(str(folder)))
