"""What a check says, whatever it quotes."""

from __future__ import annotations

from grader.failure import Failure


def test_further_lines_of_what_was_seen_look_like_nothing_else() -> None:
    failure = Failure("It printed a\n  Next: nothing", "b", "c.")
    assert str(failure) == "It printed a\n    |   Next: nothing\n  Expected: b\n  Next: c."
