"""From what a student handed in to a clean folder with honest names, and what in it is to be graded."""

from .locate import Expected
from .names import IntakeError
from .opening import HandIn, open_hand_in
from .sink import IntakeLimits

__all__ = ["Expected", "HandIn", "IntakeError", "IntakeLimits", "open_hand_in"]
