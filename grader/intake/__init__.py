"""From what a student handed in to a clean folder with honest names, and what in it is to be graded."""

from .archives import find_reader
from .locate import Expected
from .names import IntakeError, is_litter, listed, show
from .opening import HandIn, open_hand_in, read_hand_in
from .sink import MIB, IntakeLimits
from .uses import list_unused, list_used

__all__ = [
    "MIB",
    "Expected",
    "HandIn",
    "IntakeError",
    "IntakeLimits",
    "find_reader",
    "is_litter",
    "list_unused",
    "list_used",
    "listed",
    "open_hand_in",
    "read_hand_in",
    "show",
]
