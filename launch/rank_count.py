"""How many ranks a script has, read from its text: the size of the group that its programs join, else how many it starts.

1. The Python programs that a shell script names are read for `world_size=` and `nprocs=`, with constants followed.
2. Where they don't say, or say it in an environment variable, the starts in the shell script are counted, loops multiplied.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .batch_file import translate
from .command import BATCHES, ScriptError, is_python, read_script

MOST_RANKS = 1_000
_COMMENT = re.compile(r"(^|\s)#.*")
_PROGRAM = re.compile(r"[^\s\"'`;&|<>()=]+\.py\b")
_VALUE = re.compile(r"\b(?:export\s+)?([A-Za-z_]\w*)=(\"[^\"$`\n]*\"|'[^'\n]*'|[\w.-]+)")
_ARRAY = re.compile(r"\b([A-Za-z_]\w*)=\(([^()$\n]*)\)")
_COUNTING = re.compile(r"\bfor\s*\(\(([^;]*);[^;]*?<(=?)\s*(\d+)\s*;[^)]*\)\)")
_SEQUENCE = re.compile(r"(?:\$\(|`)\s*seq\s+(\d+)(?:\s+(\d+))?\s*(?:\)|`)|\{(\d+)\.\.(\d+)\}")
_LOOP = re.compile(r"(?:do\s+)?for\s+\w+\s+in\s+(.*)")
_WHILE = re.compile(r"(?:do\s+)?(?:while|until)\b(.*)")
_BOUND = re.compile(r"-(lt|le)\s+(\d+)|<(=?)\s*(\d+)")
_PER_NODE = re.compile(r"--nproc[-_]per[-_]node[=\s]+(\d+)|\bmpi(?:run|exec)\b[^\n]*?\s-np?\s+(\d+)")
_MODULE = re.compile(r"\bpython[\w.]*\"?\s+(?:-u\s+)?-m\s+\w")
_SIZES = ("world_size", "nprocs")
_OPERATIONS: Mapping[type[ast.operator], object] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


def count_ranks(script: Path) -> int:
    """Raises ScriptError if the script can't be read, or if it does not say one number."""
    text = read_script(script)
    if is_python(script, text):
        found = read_world_sizes(text, {})
        return _choose(script, found)
    if script.suffix.lower() in BATCHES:
        text, _ = translate(text)
    code = _drop_comments(text)
    variables = {name: value.strip("\"'") for name, value in _VALUE.findall(code)}
    sizes: set[int] = set()
    for program in _find_programs(script, code):
        sizes |= read_world_sizes(program.read_text(encoding="utf-8", errors="replace"), variables)
    started = count_starts(code, variables)
    return _choose(script, sizes or ({started} if started else set()))


def _choose(script: Path, found: set[int]) -> int:
    usable = {number for number in found if 0 < number <= MOST_RANKS}
    if len(usable) == 1:
        return usable.pop()
    seen = (
        f"{script.name} speaks of {' and '.join(map(str, sorted(usable)))} ranks"
        if usable
        else f"{script.name} does not say how many ranks it starts"
    )
    raise ScriptError(f"{seen}; one number was expected. Say how many there must be: --ranks 3.")


def _drop_comments(text: str) -> str:
    return "\n".join(_COMMENT.sub("", line) for line in text.replace("\r", "\n").splitlines())


def _find_programs(script: Path, code: str) -> Iterator[Path]:
    """The Python files that a shell script names, where they lie beside it or below."""
    for name in dict.fromkeys(_PROGRAM.findall(code)):
        parts = [part for part in name.replace("\\", "/").split("/") if part and "$" not in part]
        places = [script.parent.joinpath(*parts[start:]) for start in range(len(parts))]
        found = next((place for place in places if place.is_file()), None)
        if found is not None:
            yield found


# --- Python ---------------------------------------------------------------------------------------------------


def read_world_sizes(text: str, variables: Mapping[str, str]) -> set[int]:
    """The numbers that a program gives as world_size or nprocs; `variables` are those of its environment that are known.

    >>> read_world_sizes("STAGES = 3\\ninit_process_group('gloo', world_size=2 * STAGES)", {})
    {6}
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    constants = _Constants(tree, variables)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    given = (word.value for call in calls for word in call.keywords if word.arg in _SIZES)
    return {number for value in given if (number := constants.evaluate(value)) is not None}


class _Constants:
    """What the constants of a program come to."""

    def __init__(self, tree: ast.AST, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._values: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            for name, value in _list_bindings(node):
                self._values.setdefault(name, []).append(value)

    def evaluate(self, value: ast.expr, depth: int = 0) -> int | None:
        """A whole number, if it is certain."""
        match value:
            case ast.Constant(value=int(number)):
                return int(number)
            case ast.Constant(value=str(text)) if text.isdecimal():
                return int(text)
            case ast.Name(id=name) if depth < 10:
                found = {self.evaluate(each, depth + 1) for each in self._values.get(name, [])} - {None}
                return found.pop() if len(found) == 1 else None
            case ast.Attribute(attr=name):  # of the parsed arguments
                return self.evaluate(ast.Name(id=name), depth + 1)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS and depth < 10:
                return self._compute(op, left, right, depth)
            case ast.Call(func=ast.Name(id="int"), args=[inner]):
                return self.evaluate(inner, depth + 1)
            case ast.Call(
                func=ast.Attribute(attr="get" | "getenv"), args=[ast.Constant(value=name), *default]
            ):
                return self._read_variable(str(name), default, depth)
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=name)):
                return self._read_variable(str(name), [], depth)
        return None

    def _compute(self, op: ast.operator, left: ast.expr, right: ast.expr, depth: int) -> int | None:
        one, other = self.evaluate(left, depth + 1), self.evaluate(right, depth + 1)
        if one is None or other is None or (isinstance(op, ast.FloorDiv) and other == 0):
            return None
        function = _OPERATIONS[type(op)]
        assert callable(function)
        return int(function(one, other))

    def _read_variable(self, name: str, default: list[ast.expr], depth: int) -> int | None:
        given = self._variables.get(name, "")
        if given.isdecimal():
            return int(given)
        return self.evaluate(default[0], depth + 1) if default else None


def _list_bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that a statement binds, and to what: also parameters with defaults, and options of a command line."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.FunctionDef(args=arguments):
            plain = [*arguments.posonlyargs, *arguments.args]
            if arguments.defaults:
                yield from (
                    (each.arg, default)
                    for each, default in zip(
                        plain[-len(arguments.defaults) :], arguments.defaults, strict=True
                    )
                )
        case ast.Call(func=ast.Attribute(attr="add_argument"), args=[*_, ast.Constant(value=str(option))]):
            defaults = (word.value for word in node.keywords if word.arg == "default")
            yield from ((option.lstrip("-").replace("-", "_"), default) for default in defaults)


# --- the shell ------------------------------------------------------------------------------------------------


def count_starts(code: str, variables: Mapping[str, str]) -> int:
    """How many programs a shell script starts; 0 where that can't be told.

    >>> count_starts("for p in 0 1; do for s in 0 1 2; do python b2.py $p $s & done; done; wait", {})
    6
    """
    for name, values in _ARRAY.findall(code):
        code = re.sub(rf"\"?\$\{{{name}\[[@*]\]\}}\"?", values, code)
    for name, value in variables.items():
        code = re.sub(rf"\$(?:\{{{name}\}}|{name}\b)", value, code)
    if asked := _PER_NODE.search(code):
        return int(asked[1] or asked[2])
    code = _COUNTING.sub(_as_list, code)
    code = _SEQUENCE.sub(_as_words, code)
    total, loops = 0, [1]
    for command in re.split(r"[;\n]|(?<![>&])&(?![>&])", code):
        command = command.strip()
        if loop := _LOOP.match(command):
            if "$" in loop[1] or "`" in loop[1]:
                return 0
            loops.append(loops[-1] * len(loop[1].split()))
        elif condition := _WHILE.match(command):
            loops.append(loops[-1] * _count_turns(condition[1]))
        elif re.match(r"done\b", command):
            loops = loops[:-1] or [1]
        elif _PROGRAM.search(command) or _MODULE.search(command):
            total += loops[-1] if not re.match(r"[A-Za-z_]\w*=\S*$", command) else 0
    return total if total > 1 else 0  # one process may start the ranks itself


def _as_list(match: re.Match[str]) -> str:
    first = re.search(r"=\s*(\d+)", match[1])
    count = int(match[3]) + (match[2] == "=") - (int(first[1]) if first else 0)
    return f"for each in {_numbers(count)}"


def _as_words(match: re.Match[str]) -> str:
    low, high = match[1] or match[3], match[2] or match[4]
    return _numbers(int(low) if high is None else int(high) - int(low) + 1)


def _numbers(count: int) -> str:
    return " ".join(map(str, range(min(count, MOST_RANKS + 1))))


def _count_turns(condition: str) -> int:
    bound = _BOUND.search(condition)
    if bound is None:
        return 1
    return int(bound[2] or bound[4]) + (bound[1] == "le" or bound[3] == "=")
