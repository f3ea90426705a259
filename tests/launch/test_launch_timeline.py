"""Time: messages that met, pipelines, bubbles; drawn as SVG and as a trace."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
import recorded
from recorded import Rank

from launch import ideal_schedule, picture, timeline, trace
from launch.run_report import Outcome
from launch.verdict import Verdict, views
from launch.waits import find_standstill

SVG = "{http://www.w3.org/2000/svg}"


def staircase(stages: int, micro_batches: int, steps: int = 2) -> list[Rank]:
    """GPipe with forward and backward passes of one second each, and messages between the stages."""
    ranks = [Rank(rank, stages) for rank in range(stages)]
    length = 2 * (micro_batches + stages - 1)
    for rank in ranks:
        for step in range(1, steps + 1):
            start = (step - 1) * (length + 1)
            for number in range(micro_batches):
                forward = start + rank.rank + number
                backward = start + length - micro_batches - rank.rank + number
                box(rank, "forward", forward, step, micro_batch=number, model="Stage", gradients=True)
                box(rank, "backward", backward, step, micro_batches=[number])
            rank.event(
                "step", optimizer=1, number=step, start=start + length, end=start + length + 0.5, thread=0
            )
    for rank in ranks[:-1]:
        rank.send(rank.rank + 1, done=True)
        ranks[rank.rank + 1].recv(rank.rank, done=True)
    return ranks


def box(rank: Rank, kind: str, start: float, step: int, **fields: object) -> None:
    rank.event(kind, start=start, end=start + 1, step=step, thread=0, **fields)


def built(ranks: list[Rank]) -> timeline.Timeline:
    workers = recorded.by_rank(ranks)
    return timeline.build(
        {rank: worker.events for rank, worker in workers.items()},
        {rank: worker.operations for rank, worker in workers.items()},
    )


@pytest.mark.parametrize(("stages", "micro_batches"), [(2, 1), (3, 3), (3, 6), (4, 2)])
def test_the_bubble_of_a_perfect_staircase_is_the_ideal_one(stages, micro_batches):
    (pipeline,) = built(staircase(stages, micro_batches)).pipelines
    assert pipeline.ranks == tuple(range(stages))
    assert pipeline.micro_batches == micro_batches
    assert pipeline.ideal_bubble == pytest.approx((stages - 1) / (micro_batches + stages - 1))
    assert pipeline.bubble == pytest.approx(pipeline.ideal_bubble)


def test_a_step_that_was_not_completed_has_no_bubble():
    ranks = staircase(2, 2, steps=0)
    for rank in ranks:
        box(rank, "forward", 1.0, 1, micro_batch=0, model="Stage", gradients=True)
    (pipeline,) = built(ranks).pipelines
    assert pipeline.bubble is None
    assert pipeline.micro_batches == 1


def test_two_pipelines_are_told_apart():
    ranks = [Rank(rank, 4) for rank in range(4)]
    for low in (0, 2):
        ranks[low].send(low + 1, done=True)
        ranks[low + 1].recv(low, done=True)
    assert [pipeline.ranks for pipeline in built(ranks).pipelines] == [(0, 1), (2, 3)]


def test_messages_meet_in_the_order_of_their_channel():
    zero, one = Rank(0, 2), Rank(1, 2)
    zero.send(1, tag=5, done=True).send(1, tag=0, done=True).send(1, tag=5)
    one.recv(0, tag=0, done=True).recv(0, tag=5, done=True)
    met = built([zero, one]).messages
    assert [(message.source, message.destination) for message in met] == [(0, 1), (0, 1)]
    first, second = met
    assert first.sent_s < second.sent_s
    assert first.received_s > second.received_s


def test_a_message_received_in_the_background_is_over_at_its_wait():
    zero, one = Rank(0, 2), Rank(1, 2)
    zero.send(1, done=True)
    begun = one.begin("irecv", 0)
    (none,) = [built([zero, one]).messages]
    assert none == ()
    one.wait(begun, done=True)
    assert len(built([zero, one]).messages) == 1


def drawn(ranks: list[Rank], outcome: Outcome = Outcome.FINISHED, name: str = "b1.sh"):
    state = recorded.situation(recorded.workers(ranks), ranks=len(ranks))
    standstill = find_standstill(views(state)) if outcome is Outcome.DEADLOCKED else None
    report = recorded.report(state, Verdict(outcome, standstill=standstill), name)
    return report, ET.fromstring(picture.draw(report))


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def labels(root: ET.Element, kind: str) -> list[str]:
    return [
        element.text or "" for element in root.iter(f"{SVG}text") if kind in element.get("class", "").split()
    ]


def test_a_box_has_the_handout_s_name_for_it():
    _, root = drawn(staircase(3, 3))
    names = ["F0", "F1", "F2", "B0", "B1", "B2"]
    assert sorted(labels(root, "number")) == sorted(names * 3)  # three ranks, one step


def test_directions_differ_without_colours():
    _, root = drawn(staircase(3, 3))
    boxes = [box for box in root.iter(f"{SVG}rect") if "box" in box.get("class", "").split()]
    hatched = [box for box in boxes if (box.get("fill") or box.get("style") or "").find("url(#back") >= 0]
    assert len(hatched) == 3 * 3 + 1  # and the legend
    assert all("backward" in box.get("class", "") for box in hatched)


@pytest.mark.parametrize(("stages", "micro_batches"), [(2, 1), (3, 3), (4, 2)])
def test_without_waiting_a_perfect_staircase_stays_as_it_is(stages, micro_batches):
    line = built(staircase(stages, micro_batches))
    ideal = ideal_schedule.schedule_ideally(line.rows, line.pipelines[0], 2)
    boxes = {row.rank: [box for box in row.boxes if box.step == 2] for row in line.rows}
    made = {rank: sorted(own, key=lambda box: box.start_s) for rank, own in boxes.items()}
    assert {rank: [(box.kind, box.start_s, box.end_s) for box in boxes] for rank, boxes in ideal.items()} == {
        rank: [(box.kind, pytest.approx(box.start_s), pytest.approx(box.end_s)) for box in boxes]
        for rank, boxes in made.items()
    }


def test_waits_are_left_out_of_the_ideal_schedule():
    ranks = [Rank(rank, 2) for rank in range(2)]
    for rank, delay in zip(ranks, (0, 7), strict=True):
        box(rank, "forward", delay, 1, micro_batch=0, model="Stage", gradients=True)
    box(ranks[1], "backward", 20, 1, micro_batches=[0])
    box(ranks[0], "backward", 30, 1, micro_batches=[0])
    ranks[0].send(1, done=True)
    ranks[1].recv(0, done=True)
    line = built(ranks)
    ideal = ideal_schedule.schedule_ideally(line.rows, line.pipelines[0], 1)
    assert [(box.start_s, box.end_s) for box in [*ideal[0], *ideal[1]]] == [(0, 1), (3, 4), (1, 2), (2, 3)]


def test_passes_that_need_each_other_have_no_ideal_schedule():
    ranks = [Rank(rank, 2) for rank in range(2)]
    box(ranks[0], "forward", 0, 1, micro_batch=0, model="Stage", gradients=True)
    box(ranks[1], "forward", 1, 1, micro_batch=1, model="Stage", gradients=True)
    box(ranks[1], "forward", 2, 1, micro_batch=0, model="Stage", gradients=True)
    box(ranks[1], "backward", 3, 1, micro_batches=[0])
    box(ranks[0], "backward", 2.5, 1, micro_batches=[0])
    box(ranks[0], "forward", 4, 1, micro_batch=1, model="Stage", gradients=True)
    ranks[0].send(1, done=True)
    ranks[1].recv(0, done=True)
    line = built(ranks)
    assert ideal_schedule.schedule_ideally(line.rows, line.pipelines[0], 1) == {}


def test_a_step_of_very_many_passes_has_no_ideal_schedule():
    rank = Rank(0, 2)
    for number in range(ideal_schedule.MOST_PASSES + 1):
        box(rank, "forward", float(number), 1, micro_batch=number, model="Stage", gradients=True)
    rows = built([rank]).rows
    pipeline = timeline.Pipeline((0,), 1, None, 0.0)
    assert ideal_schedule.schedule_ideally(rows, pipeline, 1) == {}


def test_ranks_of_two_pipelines_are_named_by_pipeline_and_stage():
    ranks = [Rank(rank, 4) for rank in range(4)]
    for low in (0, 2):
        ranks[low].send(low + 1, done=True)
        ranks[low + 1].recv(low, done=True)
    for number, rank in enumerate(ranks):
        box(rank, "forward", float(number), 1, micro_batch=0, model="Stage", gradients=True)
    _, root = drawn(ranks)
    assert {f"pipeline {number}, stage {stage}" for number in (0, 1) for stage in (0, 1)} <= set(texts(root))


def test_the_picture_names_ranks_and_bubbles():
    _, root = drawn(staircase(3, 3))
    words = texts(root)
    assert {"rank 0", "rank 1", "rank 2"} <= set(words)
    assert any("bubble 40%, ideal (p - 1)/(m + p - 1) = 2/5 = 40%" in text for text in words)


def test_nothing_is_drawn_outside_of_the_page():
    _, root = drawn(staircase(4, 5))
    for rectangle in root.iter(f"{SVG}rect"):
        left = float(rectangle.get("x", "0"))
        assert -1 <= left <= picture.WIDTH
        assert left + float(rectangle.get("width", "0")) <= picture.WIDTH + 1


def test_a_deadlock_shows_where_each_rank_stopped_and_for_whom_it_waits():
    ranks = staircase(2, 2)
    ranks[0].recv(1, tag=7)
    ranks[1].recv(0, tag=8)
    _, root = drawn(ranks, Outcome.DEADLOCKED)
    assert {"recv(src=1, tag=7)", "recv(src=0, tag=8)"} <= set(texts(root))
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "want"]) == 2
    assert (
        len([rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "stop"]) == 3
    )  # and the legend


def test_a_run_without_any_event_has_a_picture():
    _, root = drawn([])
    assert any("No forward pass" in text for text in texts(root))


def test_names_are_shown_as_text():
    _, root = drawn(staircase(2, 1), name='<script>"&.sh')
    assert any(text.startswith('<script>"&.sh') for text in texts(root))


def test_the_trace_has_a_slice_a_box_and_an_arrow_a_message():
    report, _ = drawn(staircase(2, 2))
    written = json.loads(json.dumps(trace.trace(report)))["traceEvents"]
    kinds = [event["ph"] for event in written]
    boxes = [event for event in written if event["ph"] == "X" and event["tid"] == trace.COMPUTING]
    assert len(boxes) == 2 * 2 * 2 * 2  # ranks, steps, directions, micro-batches
    assert (kinds.count("s"), kinds.count("f")) == (1, 1)
