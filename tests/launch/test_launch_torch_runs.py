"""Real ranks with torch and gloo: what is recorded, and outcomes that need them."""

from __future__ import annotations

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starting import SCRIPTS, run, write

import launch
from launch import tensor_files
from launch.events import Backward, Forward, Gradient, Model, Step, Tokens, ZeroGrad
from launch.run_report import FailureKind, Outcome, RankState
from launch.workers import Operation

pytestmark = pytest.mark.slow


def ranks_of(script: str, arguments: str, count: int = 3) -> str:
    """A shell script that starts some ranks and waits."""
    numbers = " ".join(map(str, range(count)))
    return f"for rank in {numbers}; do python {script} $rank {arguments} & done\nwait\n"


def start(
    folder: Path, script: str, arguments: str = "", count: int = 3, **changes: object
) -> launch.RunReport:
    folder.mkdir(exist_ok=True)
    (folder / script).write_bytes((SCRIPTS / script).read_bytes())
    options = {"ranks": 3, "steps": 2, "timeout_s": 240.0, **changes}
    return run(write(folder, "b1.sh", ranks_of(script, arguments, count)), **options)


@pytest.fixture(scope="module")
def two_at_once(tmp_path_factory):
    """Two runs at the same time with the same hard-coded port: one that would go on, and one with wrong tags."""
    folder = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor() as pool:
        good = pool.submit(start, folder / "good", "pipeline.py", dump=("gradients", "tokens"))
        bad = pool.submit(start, folder / "bad", "pipeline.py", "--mistake tags")
        return good.result(), bad.result()


@pytest.fixture(scope="module")
def good(two_at_once):
    return two_at_once[0]


@pytest.fixture(scope="module")
def bad(two_at_once):
    return two_at_once[1]


def test_a_script_that_would_go_on_is_ended_after_its_steps(good):
    assert good.outcome is Outcome.FINISHED
    assert good.steps == {0: 2, 1: 2, 2: 2}
    assert [rank.state for rank in good.ranks] == [RankState.STOPPED] * 3
    assert not good.honours_steps
    assert any("would have gone on after the 2 steps" in note for note in good.notes)
    assert good.exit_status == 0


def test_wrong_tags_are_a_deadlock_that_names_both_sides(bad):
    assert bad.outcome is Outcome.DEADLOCKED
    assert bad.cycle == (1, 2)
    assert "recv(src=2, tag=4) pipeline.py:" in bad.sentence
    assert "rank 2 has sent to rank 1: tag 0" in bad.sentence


def operations(report: launch.RunReport, rank: int, *ops: str) -> list[Operation]:
    found = report.rank(rank)
    assert found is not None
    return [each for each in found.operations if each.op in ops]


def test_messages_are_recorded_with_peer_tag_shape_and_line(good):
    first = operations(good, 0, "isend")[0].call
    assert (first.peer, first.tag, first.shape, first.dtype, first.group) == (
        1,
        0,
        (2, 8, 16),
        "float32",
        "world",
    )
    assert first.at is not None
    assert first.at.file == "pipeline.py"
    assert first.at.function == "train"


def test_what_is_sent_is_what_is_received(good):
    sent = [each.call.content for each in operations(good, 0, "isend")[:6]]
    received = [
        each.returned.content for each in operations(good, 1, "recv") if each.call.peer == 0 and each.returned
    ]
    assert sent == received[:6]


def test_a_wait_refers_to_what_it_waits_for(good):
    waits = operations(good, 0, "wait")
    assert [each.target.op for each in waits if each.target] == ["isend"] * len(waits)


def test_spans_carry_their_micro_batches(good):
    for rank in good.ranks:
        assert [span.micro_batch for span in rank.of(Forward) if span.step == 1] == [0, 1, 2]
        assert [span.micro_batches for span in rank.of(Backward) if span.step == 1] == [(0,), (1,), (2,)]


def test_what_one_stage_makes_the_next_one_works_on(good):
    for before, after in ((0, 1), (1, 2)):
        made, given = ([*good.rank(rank).of(Forward)] for rank in (before, after))
        assert [span.output for span in made] == [span.input for span in given]
        computed = [each.content for each in good.rank(after).of(Gradient) if each.place == "input"]
        used = [each.content for each in good.rank(before).of(Gradient) if each.place == "output"]
        assert computed == used
        assert len(used) >= 6


def test_parts_of_a_batch_are_told_from_each_other(good):
    read = [event for event in good.rank(0).of(Tokens) if event.step == 1]
    assert len({row for event in read for row in event.rows}) == 6
    assert [(event.position, event.cut_from) for event in read] == [(0, 6), (2, 6), (4, 6)]


def test_a_plain_method_of_a_stage_is_a_forward_pass_of_the_stage(good):
    first = good.rank(0)
    assert {span.model for span in first.of(Forward)} == {"First"}
    assert [model.name for model in first.of(Model)] == ["First"]


def test_both_ends_of_the_pipeline_show_the_same_tokens(good):
    inputs = [event for event in good.rank(0).of(Tokens) if event.step == 1]
    targets = [event for event in good.rank(2).of(Tokens) if event.step == 1]
    assert [event.place for event in inputs] == ["embedding"] * 3
    assert [event.place for event in targets] == ["target"] * 3
    assert [event.checksum for event in inputs] == [event.checksum for event in targets]
    assert not list(good.rank(1).of(Tokens))


def test_only_the_last_stage_has_a_loss(good):
    losses = [[span.loss for span in rank.of(Backward)] for rank in good.ranks]
    assert all(value is None for value in losses[0] + losses[1])
    assert all(value is not None and 0.5 < value < 3 for value in losses[2])


def test_steps_follow_each_other(good):
    for rank in good.ranks:
        first, second = rank.of(Step)
        assert (first.number, second.number) == (1, 2)
        assert first.after == second.before
        assert first.before != first.after


def test_optimizer_and_zero_grad(good):
    (optimizer,) = good.rank(1).optimizers
    assert optimizer.name == "SGD"
    assert optimizer.options["lr"] == 0.01
    assert optimizer.parameters == (("weight", (16, 16)), ("bias", (16,)))
    assert [event.via for event in good.rank(1).of(ZeroGrad) if event.step == 1] == ["optimizer"]


def test_whole_gradients_agree_with_their_norms(good):
    for rank in good.ranks:
        (names,) = [optimizer.parameters for optimizer in rank.optimizers]
        for step in rank.of(Step):
            whole = tensor_files.read(good.events_dir, step.gradients_file, 10_000_000)
            for (name, shape), norm in zip(names, step.gradients.norms, strict=True):
                values = memoryview(whole[name].data).cast("f")
                assert whole[name].shape == shape
                assert math.sqrt(sum(value * value for value in values)) == pytest.approx(norm, rel=1e-5)


def test_parameters_are_written_at_first_and_at_last(good):
    first, last = good.rank(2).of(Step)
    assert (first.initial_file is not None, last.initial_file) == (True, None)
    assert (first.parameters_file, last.parameters_file is not None) == (None, True)


def test_whole_tokens(good):
    event = next(good.rank(0).of(Tokens))
    whole = tensor_files.read(good.events_dir, event.file, 10_000_000)["tokens"]
    assert whole.shape == event.shape
    assert tuple(memoryview(whole.data).cast("q"))[: len(event.first)] == event.first


def test_the_pipeline_is_found_from_its_messages(good):
    (pipeline,) = good.pipelines
    assert (pipeline.ranks, pipeline.micro_batches) == ((0, 1, 2), 3)
    assert pipeline.ideal_bubble == 0.4
    assert 0 < pipeline.bubble < 1


def test_nothing_went_wrong_with_the_instrumentation(good, bad):
    for report in (good, bad):
        assert report.rejected_lines == 0
        assert not [note for note in report.notes if "instrumentation" in note]


def test_a_rank_that_leaves_early_is_named_and_not_its_neighbours(tmp_path):
    report = start(tmp_path, "pipeline.py", "--mistake leave --honour")
    assert report.outcome is Outcome.CRASHED
    assert (report.failure.rank, report.failure.kind) == (1, FailureKind.ENDED_EARLY)


def test_groups_made_by_their_members_alone_are_named(tmp_path):
    report = start(tmp_path, "messages.py", "members_alone 3")
    assert report.uneven_groups is not None
    assert "new_group" in report.sentence + " ".join(report.notes)


def test_a_world_size_that_never_fills(tmp_path):
    report = start(tmp_path, "messages.py", "both_send 4")
    assert report.outcome is Outcome.DEADLOCKED
    assert "rank 3 never started" in report.sentence


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("send_dropped", "on rank 0 the isend begun at messages.py:61 was never waited for"),
        ("receive_dropped", "on rank 1 the irecv begun at messages.py:75 was never waited for"),
        ("polls", "rank 1 waits in is_completed() for irecv(src=0, tag=1) messages.py:84"),
    ],
    ids=["a send", "a receive", "asked again and again"],
)
def test_messages_that_nobody_waits_for(tmp_path, case, says):
    report = start(tmp_path, "messages.py", case, count=2, ranks=2)
    assert report.outcome is Outcome.DEADLOCKED
    assert says in report.sentence


def test_messages_in_threads(tmp_path):
    report = start(tmp_path, "messages.py", "threads", count=2, ranks=2)
    assert report.outcome is Outcome.DEADLOCKED
    assert len(report.waits) == 4


@pytest.mark.parametrize("preload", [True, False], ids=["preloaded", "plain"])
@pytest.mark.parametrize(
    ("case", "outcome", "says"),
    [
        ("one_step", Outcome.FINISHED, "made the 1 step asked"),
        ("one_raises", Outcome.CRASHED, "Rank 1 failed with ValueError: rank 1 had enough"),
        ("both_send", Outcome.DEADLOCKED, "neither has begun"),
    ],
    ids=["finished", "crashed", "deadlocked"],
)
def test_outcomes_are_the_same_without_preloading(tmp_path, case, outcome, says, preload):
    report = start(tmp_path, "messages.py", case, count=2, ranks=2, steps=1, preload=preload)
    assert report.outcome is outcome
    assert says in report.sentence
    assert not [note for note in report.notes if "instrumentation" in note]
    assert (report.events_dir / "server.lock").exists() is (preload and sys.platform == "linux")
    assert not (report.events_dir / "server").exists()  # a socket, which no archive takes


def test_an_accelerator_that_is_not_there(tmp_path):
    report = start(tmp_path, "messages.py", "accelerator", count=2, ranks=2)
    assert [rank.state for rank in report.ranks] == [RankState.ENDED] * 2
    if any("has no cuda" in note for note in report.notes):
        assert report.output.text.count("devices cpu cpu cpu") == 2
        assert any("backend nccl" in note for note in report.notes)


def test_children_of_torch_spawn_fail_under_their_own_rank(tmp_path):
    script = write(tmp_path, "b1.py", (SCRIPTS / "spawned.py").read_text())
    shell = write(tmp_path, "b1.sh", f"python '{script}' fail\n")
    report = run(shell, ranks=3, steps=2, timeout_s=240.0)
    assert report.outcome is Outcome.CRASHED
    assert (report.failure.rank, report.failure.message) == (1, "rank 1 had enough")
    assert str(report.failure.at).startswith("b1.py:")


def test_torchrun(tmp_path):
    write(tmp_path, "b1.py", (SCRIPTS / "elastic.py").read_text())
    shell = write(tmp_path, "b1.sh", "torchrun --nproc-per-node 3 b1.py\n")
    report = run(shell, ranks=3, steps=2, timeout_s=240.0)
    assert report.outcome is Outcome.FINISHED
    assert report.honours_steps
