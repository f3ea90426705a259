"""A batch file of Windows as the shell script that does the same, as far as it starts programs."""

from __future__ import annotations

import re

_FOR_RANGE = re.compile(
    r"for\s+/l\s+%%?(\w)\s+in\s*\(\s*(-?\d+)[\s,]+(-?\d+)[\s,]+(-?\d+)\s*\)\s*do\s*(.*)", re.IGNORECASE
)
_FOR_EACH = re.compile(r"for\s+%%?(\w)\s+in\s*\(([^()]*)\)\s*do\s*(.*)", re.IGNORECASE)
_START = re.compile(
    r"start\s+(?:\"[^\"]*\"\s*)?(?:/(?:d\s+\S+|\w+)\s+)*(?:cmd(?:\.exe)?\s+/[ck]\s+)?(.*)", re.IGNORECASE
)
_SET = re.compile(r"set\s+(?!/)\"?(\w+)=([^\"]*)\"?$", re.IGNORECASE)
_PROGRAM = re.compile(r"(?:call\s+)?(\S*(?:python|py|torchrun|conda|uv|poetry)\S*\s.*)", re.IGNORECASE)
_LOOP_LIMIT = 1000


def translate(text: str) -> tuple[str, list[str]]:
    """A shell script, and the lines of the batch file that have no part in it.

    >>> translate("@echo off\\nstart python b1.py 0\\n")
    ('python b1.py 0 &\\nwait\\n', [])
    """
    lines: list[str] = []
    left_out: list[str] = []
    for line in _joined(text):
        found = _translate_line(line)
        lines += found or []
        left_out += [line] if found is None else []
    return "\n".join([*lines, "wait", ""]), left_out


def _joined(text: str) -> list[str]:
    """Lines without their @, blocks in parentheses on one line."""
    clean = re.sub(r"\^\s*\n", " ", text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    clean = re.sub(
        r"\bdo\s*\(\s*\n(.*?)\n\s*\)",
        lambda block: "do " + " & ".join(block[1].split("\n")),
        clean,
        flags=re.S | re.I,
    )
    return [line.strip().lstrip("@").strip() for line in clean.split("\n") if line.strip()]


def _translate_line(line: str) -> list[str] | None:
    """What a line is in a shell: nothing for one without effect here, None for one that is not understood."""
    if re.match(
        r"(echo\b|rem\b|::|:\w|pause\b|title\b|setlocal|endlocal|cls\b|color\b|exit\b|timeout\b|cd\b|pushd\b|popd\b|chcp\b)",
        line,
        re.I,
    ):
        return []
    loop = _FOR_RANGE.fullmatch(line)
    if loop is not None:
        first, step, last = int(loop[2]), int(loop[3]) or 1, int(loop[4])
        values = [str(value) for value in range(first, last + (1 if step > 0 else -1), step)][:_LOOP_LIMIT]
        return _repeat(loop[1], values, loop[5])
    loop = _FOR_EACH.fullmatch(line)
    if loop is not None:
        return _repeat(loop[1], re.split(r"[\s,]+", loop[2].strip()), loop[3])
    setting = _SET.fullmatch(line)
    if setting is not None:
        return [f'export {setting[1]}="{_words(setting[2])}"']
    started = _START.fullmatch(line)
    program = _PROGRAM.fullmatch(started[1].strip('"') if started else line)
    if program is None:
        return None
    return [f"{_words(program[1])}{' &' if started else ''}"]


def _repeat(name: str, values: list[str], body: str) -> list[str] | None:
    parts = [part.strip() for part in body.strip("() ").split("&") if part.strip()]
    found: list[str] = []
    for value in values:
        for part in parts:
            lines = _translate_line(re.sub(rf"%%?{name}\b", value, part))
            if lines is None:
                return None
            found += lines
    return found


def _words(text: str) -> str:
    """With the variables and paths of a shell."""
    text = re.sub(r"%~dp0\\?", "./", text)
    text = re.sub(r"%(\w+)%", r"${\1}", text)
    return text.replace("\\", "/").strip()
