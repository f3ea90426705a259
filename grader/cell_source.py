"""The code of a cell as Python, its magics and shell commands included."""

from __future__ import annotations

import ast

MAX_CHARACTERS = (
    50_000  # of a cell that is looked into: each of its magics takes as long as all of its characters
)


class TooLong(ValueError):
    """A cell has more code than is looked into."""


def parse_cell(source: str) -> ast.Module:
    """Raises TooLong; and SyntaxError, ValueError, RuntimeError (too many magics or brackets) or MemoryError for a cell that can't run."""
    if len(source) > MAX_CHARACTERS:
        raise TooLong(f"{len(source):,} characters")
    try:
        return ast.parse(source)
    except SyntaxError:
        # Takes half a second to import, and most cells are plain Python.
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source))
