"""The text of a shell script as it can run here: what only its author's machine has is replaced by what this one has."""

from __future__ import annotations

import re

from .programs import RUNNERS

# A program by its path. The path begins with a drive, a folder, a variable, or the output of a command with others inside.
_COMMAND = r"\$\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_START = rf"(?:[A-Za-z]:|~[\w-]*|\$\w+|\$\{{\w+\}}|{_COMMAND}|`[^`\n]*`|[\w.][\w.+@-]*)?"
_FOLDERS = r"(?:[/\\](?:[\w.+@-]|\$\w+|\$\{\w+\}|\\ )+)*"
_PROGRAM = rf"[/\\](?:bin|Scripts|condabin)[/\\](python(?:3(?:\.\d+)?)?|torchrun|{'|'.join(RUNNERS)}|pip3?)(?:\.exe)?"
_QUOTED = rf'"[^"`()&;|<>\n]*{_PROGRAM}"'
_BY_PATH = re.compile(rf'(-[efx] +"?)?({_QUOTED}|{_START}{_FOLDERS}{_PROGRAM})(?![\w./@:-])')
_ZSH_END = re.compile(r"(?<![&;>])&[ \t]*;(?![;&])")
_SEARCH_PATH = re.compile(r"(\bPATH=\"?)(?!')")
_OWN_FILE = re.compile(r"(\$\{?)BASH_SOURCE(\[[0@]\])?")
_TERMINAL = re.compile(r"(?<![\w>&<])<\s*/dev/tty\b")


def mend(text: str) -> tuple[str, list[str]]:
    """The text as bash can run it, and what its author should know of that, as the rest of a sentence about the script.

    >>> mend("~/fl/.venv/bin/python3 b1.py 0 &")[0]
    'python3 b1.py 0 &'
    """
    notes = []
    clean = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if clean != text:
        notes.append(
            "has Windows line ends or a byte order mark, with which bash cannot run it; it was run without."
        )
    found = {match[2].strip('"'): match[3] or match[4] for match in _BY_PATH.finditer(clean)}
    notes += [f"names {path}: the launcher's own {name} was run." for path, name in found.items()]
    clean = _BY_PATH.sub(_name_alone, clean)
    if _ZSH_END.search(clean):
        notes.append("has `&;`, which zsh takes and bash does not; it was run with `&`.")
        clean = _ZSH_END.sub("&", clean)
    # The run's own programs stay the first to be found.
    clean = _SEARCH_PATH.sub(r"\1$LAUNCH_PROGRAMS:", clean)
    clean = _TERMINAL.sub("", clean)
    return (text, []) if clean == text else (_OWN_FILE.sub(r"\g<1>0", clean), notes)


def _name_alone(match: re.Match[str]) -> str:
    """The program's name; of a test whether it exists, a test that holds."""
    test = "-n " + match[1].lstrip("-efx ") if match[1] else ""
    return test + (match[3] or match[4])
