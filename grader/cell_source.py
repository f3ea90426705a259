"""The code of a cell as Python, its magics and shell commands included."""

from __future__ import annotations

import ast


def parse_cell(source: str) -> ast.Module:
    """Raises SyntaxError, ValueError, RuntimeError (too many magics or brackets) or MemoryError for a cell that can't run."""
    try:
        return ast.parse(source)
    except SyntaxError:
        # Takes half a second to import, and most cells are plain Python.
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source))
