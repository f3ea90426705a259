"""Pages for people: self-contained HTML, from results as plain data."""

from .chart import draw_curves
from .excerpt import Excerpt, Line
from .rendering import render
from .submission_page import Audience, describe_submission, format_submission

__all__ = ["Audience", "Excerpt", "Line", "describe_submission", "draw_curves", "format_submission", "render"]
