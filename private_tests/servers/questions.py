"""What the hidden checks ask about a server. Each question is drawn from the grading seed."""

from __future__ import annotations

from dataclasses import replace

from grader import Question
from public_tests.server_runs import ServerExercise, ask_about_server
from public_tests.server_runs import ask_for_run as ask_for_case

from .draws import draw_case, draw_number


def ask_for_parts(exercise: ServerExercise, grading_seed: int, kind: str) -> Question:
    """Make a server, and look at what it is made of."""
    return replace(
        ask_about_server(exercise, draw_case(exercise, grading_seed, kind), "inspect_server", ""),
        is_drawn=True,
    )


def ask_for_run(exercise: ServerExercise, grading_seed: int, kind: str) -> Question:
    """Run a server for a few rounds."""
    case = draw_case(exercise, grading_seed, kind)
    return replace(ask_for_case(exercise, case, draw_number(grading_seed, "digest")), is_drawn=True)


def ask_for_update(exercise: ServerExercise, grading_seed: int, kind: str) -> Question:
    """Ask the client with most samples for its update of weights that it has never seen, and the one with fewest twice.

    Of the lab's own split, whose parts are about equal, ask any two.
    """
    case = draw_case(exercise, grading_seed, kind)
    sizes = case.clients.get("sizes", (2, 1))
    question = ask_about_server(
        exercise,
        case,
        "update_client",
        "",
        client=sizes.index(max(sizes)),
        asked_twice=sizes.index(min(sizes)),
        weights_seed=draw_number(grading_seed, "weights"),
        update_seed=draw_number(grading_seed, "update"),
        digest_seed=draw_number(grading_seed, "digest"),
    )
    return replace(question, is_drawn=True)
