"""The schedules draw the tables that solutions/b1.py shows."""

import pytest

from solutions import b1

GPIPE = """
F0 F1 F2 .  .  .  .  B0 B1 B2
.  F0 F1 F2 .  .  B0 B1 B2 .
.  .  F0 F1 F2 B0 B1 B2 .  .
"""

ONE_F_ONE_B = """
F0 F1 F2 .  .  B0 .  B1 .  B2
.  F0 F1 .  B0 F2 B1 .  B2 .
.  .  F0 B0 F1 B1 F2 B2 .  .
"""


def draw(schedule: str) -> str:
    """A row per stage, a column per unit of time; an action starts in the column after its input was made."""
    waiting = [list(b1.SCHEDULES[schedule](stage)) for stage in range(b1.STAGES)]
    rows: list[list[str]] = [[] for _ in waiting]
    done: set[tuple[int, str, int]] = set()
    while any(waiting):
        made = set()
        for stage, actions in enumerate(waiting):
            if actions and needs(stage, *actions[0]) <= done:
                action, k = actions.pop(0)
                made.add((stage, action, k))
                rows[stage].append(f"{action}{k}")
            else:
                rows[stage].append(". ")
        assert made, f"deadlock: {rows}"
        done |= made
    return "\n".join(" ".join(row).rstrip() for row in rows)


def needs(stage: int, action: str, k: int) -> set[tuple[int, str, int]]:
    if action == "F":
        return {(stage - 1, "F", k)} if stage > 0 else set()
    if stage < b1.STAGES - 1:
        return {(stage + 1, "B", k)}
    return {(stage, "F", k)}


@pytest.mark.parametrize(
    ("schedule", "table"), [("gpipe", GPIPE), ("1f1b", ONE_F_ONE_B)], ids=["gpipe", "1f1b"]
)
def test_a_schedule_draws_its_staircase(schedule: str, table: str) -> None:
    assert draw(schedule) == table.strip()


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_the_tables_in_the_explanation_are_the_true_ones(schedule: str) -> None:
    rows = draw(schedule).split("\n")
    assert b1.__doc__ is not None
    assert all(f"stage {stage}   {row}" in b1.__doc__ for stage, row in enumerate(rows))


@pytest.mark.parametrize("stages", [1, 2, 3, 5])
@pytest.mark.parametrize("micro_batches", [1, 2, 3, 8])
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_any_number_of_stages_and_micro_batches_fits(
    monkeypatch: pytest.MonkeyPatch, schedule: str, stages: int, micro_batches: int
) -> None:
    monkeypatch.setattr(b1, "STAGES", stages)
    monkeypatch.setattr(b1, "MICRO_BATCHES", micro_batches)
    columns = len(draw(schedule).split("\n")[0].split())
    assert columns == 2 * (micro_batches + stages - 1)  # the bubble is (p-1)/(m+p-1) of them


@pytest.mark.parametrize(("schedule", "held"), [("gpipe", [8, 8, 8]), ("1f1b", [3, 2, 1])])
def test_micro_batches_held_at_most(monkeypatch: pytest.MonkeyPatch, schedule: str, held: list[int]) -> None:
    monkeypatch.setattr(b1, "MICRO_BATCHES", 8)
    for stage in range(3):
        balance, most = 0, 0
        for action, _ in b1.SCHEDULES[schedule](stage):
            balance += 1 if action == "F" else -1
            most = max(most, balance)
        assert most == held[stage]
