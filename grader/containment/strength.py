"""How well a container can hold, from best to worst."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How well a container holds."""

    FULL = "full"
    """bubblewrap: the submission sees nothing of the machine but what it needs."""
    REDUCED = "reduced"
    """Landlock, with namespaces where they can be had: it can see more, but neither read nor change it."""
    NONE = "none"
    """A process like any other, within deadlines."""
