"""What a statement does that its names don't show: it sets something up through a module, the shell or a magic.

Such a statement is run even if grading may not need it, so it must cost nothing. How long code takes can't be told in general: it counts as
cheap if it calls only what is imported, built in or itself cheap, and nothing that it calls is named like a computation.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection

BUILTINS = frozenset(dir(builtins))
_KNOWN = BUILTINS | {
    "Path",
    "get_ipython",
}  # what can be called without an import; a star import often gives `Path`

# Methods that show something.
SHOWING = frozenset(("plot", "hist", "show", "head", "tail", "describe", "info", "savefig"))
# Words in names of functions that may take long, show something or end it. What is removed or closed at a notebook's end must still be there
# when its functions are called for grading.
_COSTLY = (SHOWING - {"info"}) | frozenset(
    """
    run main train fit eval evaluate test experiment experiments benchmark simulate solve search spawn step backward
    scatter bar draw display sleep wait pause input breakpoint exec
    exit quit kill abort shutdown close stop terminate destroy remove rmtree unlink rmdir
    """.split()  # noqa: SIM905 - reads better than a list of so many
)
_PLOTTING = ("plt", "pyplot", "sns")
_STYLING = re.compile(r"rc|style|set|use|io|switch")  # what these modules do apart from plotting
_DEVICES = ("cuda", "mps")  # which the grading machine may lack

_MAGICS = frozenset(
    """
    matplotlib config load_ext reload_ext autoreload aimport env set_env cd mkdir cp mv xmode precision writefile file
    """.split()  # noqa: SIM905
)
# Commands that prepare files, and those that may stand beside them. Others may take long, or change the machine, as `pip` does.
_PREPARING = frozenset(("mkdir", "cp", "mv", "ln", "touch", "echo", "printf", "cat", "unzip", "tar", "chmod"))
_HARMLESS = frozenset(("cd", "ls", "rm", "pwd", "true"))


def has_effect(node: ast.AST, values: Collection[str]) -> bool:
    """Whether a statement calls something for its effect, or sets an attribute or an item, other than of the notebook's own values.

    values: the names of those; what changes them shows in names
    """
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return False  # not yet
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name not in values and name not in BUILTINS
        case ast.Expr(value=ast.Call(func=function)):
            return bool(origin := find_origin(function)) and origin not in values
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            origin = find_origin(node)
            return not (origin in values or origin in BUILTINS or is_class_name(origin))
    return any(has_effect(inner, values) for inner in ast.iter_child_nodes(node))


def is_cheap(statement: ast.stmt, bound: Collection[str]) -> bool:
    """Whether a statement costs nothing, if what it uses of the notebook costs nothing.

    bound: the names that the notebook has bound by then; others come from a star import
    """
    return not any(_is_costly(node, bound) for node in ast.walk(statement))


def _is_costly(node: ast.AST, bound: Collection[str]) -> bool:
    match node:
        case ast.While():
            return True
        case ast.Constant(value=str() as text):
            return text.startswith(_DEVICES)
        case ast.Call(func=ast.Attribute(attr="run_line_magic"), args=[ast.Constant(value=magic), *_]):
            return magic not in _MAGICS
        case ast.Call(func=ast.Attribute(attr="run_cell_magic"), args=[ast.Constant(value=magic), _, body]):
            return not (magic in _MAGICS or (magic in ("bash", "sh", "!") and _prepares_files(body)))
        case (
            ast.Call(func=ast.Attribute(attr="system" | "getoutput"), args=[command])
            | ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess")), args=[command, *_])
        ):
            return not _prepares_files(command)
        case ast.Call(func=ast.Name(id=name)):
            return (name not in bound and name not in _KNOWN) or _is_named_costly(name)
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            plots = isinstance(value, ast.Name) and value.id in _PLOTTING and not _STYLING.match(name)
            return plots or _is_named_costly(name)
    return False


def _is_named_costly(name: str) -> bool:
    return any(word.lower() in _COSTLY for word in re.findall(r"[A-Z]?[a-z]+", name))


def _prepares_files(command: ast.expr) -> bool:
    """Whether a command for the shell, a text or a list of words, does so as far as its constant parts tell."""
    texts = [node.value for node in ast.walk(command) if isinstance(node, ast.Constant)]
    parts = re.split(r"[&|;\n]+", " ".join(text for text in texts if isinstance(text, str)))
    names = {part.split()[0] for part in parts if part.strip() and not part.strip().startswith("#")}
    return bool(names & _PREPARING) and names <= _PREPARING | _HARMLESS


def find_origin(node: ast.AST) -> str:
    """`name` in `name.x(…)[…] / …`; empty if the expression begins otherwise."""
    while not isinstance(node, ast.Name):
        match node:
            case (
                ast.Attribute(value=inner)
                | ast.Subscript(value=inner)
                | ast.Call(func=inner)
                | ast.BinOp(left=inner)
            ):
                node = inner
            case _:
                return ""
    return node.id


def is_class_name(name: str) -> bool:
    """`Server`, but neither `plt` nor `F`."""
    return len(name) > 1 and name[0].isupper()
