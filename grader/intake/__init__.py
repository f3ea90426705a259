"""From what a student handed in to a clean folder with honest names, and what in it is to be graded."""

from .locate import Expected
from .names import IntakeError
from .opening import Submission, open_submission
from .sink import IntakeLimits

__all__ = ["Expected", "IntakeError", "IntakeLimits", "Submission", "open_submission"]
