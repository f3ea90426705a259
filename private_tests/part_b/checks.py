"""The checks of part B. Each looks at one property of a trial, and ends the test with a sentence where it is missing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NoReturn

from grader import Failure, NotReached, explain, fail, withhold
from launch.deliveries import FEW, is_contained, is_multiple
from launch.events import Backward, Content, Forward, Gradient, Tokens
from launch.run_report import Outcome, RankReport, RunReport
from launch.sentences import listed
from launch.workers import SENDS, Operation
from public_tests.part_b.arrivals import list_arrivals
from public_tests.part_b.comparison import Comparison, count_layers, have_unlike_gradients
from public_tests.part_b.contract import BATCH_SIZE, LEARNING_RATE, OPTIMIZER, STAGES, Contract
from public_tests.part_b.diagnoses import at, changed_between_steps, is_finite, not_finite
from public_tests.part_b.findings import (
    find_averaged_weights,
    find_blocking_send,
    find_incomparable,
    find_misdirected_messages,
    find_unwaited_reduction,
    find_unwritten,
    find_wrong_gradients,
    gather_evidence,
)
from public_tests.part_b.stepping import find_steps_within_batch
from public_tests.part_b.trial import (
    COMPARED_STEPS,
    FEWEST_STEPS,
    Trial,
    largest_model,
    list_lengths,
    list_passes,
    optimizer_steps,
    replace_steps,
)

from .exchange import (
    find_foreign_stages,
    find_missing_gradient,
    find_missing_input,
    find_missing_messages,
    find_missing_reduction,
    find_reducing_stages,
)

REDUCTIONS = ("all_reduce", "reduce", "reduce_scatter", "reduce_scatter_tensor", "reduce_scatter_single")


def check_finishes(trial: Trial) -> None:
    """It starts, makes the steps asked on every rank, and ends."""
    if trial.script is None:
        fail(
            f"{trial.contract.exercise} was not run: {trial.absence}.",
            f"{trial.contract.shell}, which starts all ranks of {trial.contract.script}",
            f"hand in {trial.contract.script} and {trial.contract.shell}, under these names, in one folder or archive.",
            "no-script",
        )
    if unwritten := find_unwritten(trial):
        raise unwritten
    for report in trial.reports:
        if report.outcome is not Outcome.FINISHED:
            _fail_outcome(trial, report)
        _check_every_step(trial, report)
    if len(trial.reports) == 2 and trial.report.honours_steps and not trial.reports[1].honours_steps:
        first, second = trial.reports
        runs = withhold(
            f"ends after {first.asked_steps} steps when LAB_STEPS is {first.asked_steps}, but goes on after "
            f"{second.asked_steps} when LAB_STEPS is {second.asked_steps}",
            "ends by itself after one number of steps that LAB_STEPS asks for, but goes on after a smaller one",
        )
        fail(
            f"{trial.name} {runs}: the number is a constant.",
            "the number of steps that LAB_STEPS asks for, or 5,000",
            'write STEPS = int(os.environ.get("LAB_STEPS", "5000")), as in the handout.',
            "a-constant-number-of-steps",
        )
    odd = [rank.rank for rank in trial.report.ranks if rank.world_size not in (None, trial.contract.ranks)]
    if odd:
        fail(
            f"{trial.name}: rank {odd[0]} joins a group of {trial.report.ranks[odd[0]].world_size} ranks.",
            f"{trial.contract.ranks} ranks",
            "give init_process_group this world_size on every rank.",
            "another-world-size",
        )


def _check_every_step(trial: Trial, report: RunReport) -> None:
    """Every step of a long run trains: it has passes and messages, as the first ones have."""
    for rank in report.ranks:
        first = [phase.work for phase in rank.phases if phase.first <= COMPARED_STEPS]
        for phase in rank.phases:
            missing = [
                what
                for kind, what in (
                    ("forwards", "forward pass"),
                    ("backwards", "backward pass"),
                    ("sends", "message"),
                )
                if all(getattr(work, kind) for work in first) and not getattr(phase.work, kind)
            ]
            if missing:
                fail(
                    f"{trial.name}: rank {rank.rank} makes step {phase.first:,} without a {' or a '.join(missing)}, though it made "
                    "them in the steps before.",
                    "steps that all train, as the first ones do",
                    "do the same work in every step of the loop.",
                    "steps-that-do-not-train",
                )


def _fail_outcome(trial: Trial, report: RunReport) -> NoReturn:
    again = f" when it was run again, for {report.asked_steps:,} steps" if report is not trial.report else ""
    sentence, number = report.sentence, f" --steps {report.asked_steps}"
    if trial.drawn:
        again = again and f" when it was run again{withhold(f', for {report.asked_steps} steps')}"
        sentence, number = withhold_steps(sentence, report.asked_steps), withhold(number)
    cause = f" {'. '.join(map(_sentence, causes))}." if (causes := list(find_causes(trial, report))) else ""
    made = ""
    command = f"python -m launch {trial.name} --ranks {trial.contract.ranks}{number}"
    if report.asked_steps > COMPARED_STEPS:
        command = f"LAB_THIN=1 {command} --timeout {report.timeout_s:.0f}"
        made = f" Steps made by then: {', '.join(f'rank {rank} {steps:,}' for rank, steps in sorted(report.steps.items()))}."
    fail(
        f"{trial.name}: {report.outcome.value}{again}. {sentence}{cause}{made}",
        f"{trial.contract.ranks} ranks that each make exactly as many steps as LAB_STEPS asks for, and end",
        f"correct the lines named; `{command}` shows it again, with a picture.",
        _name_outcome(report),
    )


def _name_outcome(report: RunReport) -> str:
    """How a run ended, to count mistakes by."""
    failure = report.failure
    if report.outcome is not Outcome.CRASHED or failure is None:
        return report.outcome.value
    return (
        f"crashed-with-{failure.type}" if failure.type.isidentifier() else f"crashed-({failure.kind.value})"
    )


def withhold_steps(text: str, steps: int) -> str:
    """A sentence of the launcher's, in which the number of steps that it asked for is for the instructor alone."""
    return replace_steps(text, steps, withhold)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def find_causes(trial: Trial, report: RunReport) -> Iterator[str]:
    """Mistakes in the calls themselves, which explain a run that does not finish."""
    uneven = trial.report.uneven_groups
    if uneven is not None and str(uneven).lower() not in report.sentence.lower():
        yield f"{uneven}"
    foreign = next(foreign_reductions(trial, report), None)
    if foreign is not None:
        yield f"{_tell_foreign(*foreign)}: only replicas of one stage have gradients of the same parameters"


def _tell_foreign(operation: Operation, rank: int) -> str:
    call = operation.call
    return f"rank {rank} calls {operation.describe()}{at(call.at)} in the group {call.group or 'world'}, to which ranks of other stages belong"


def require(trial: Trial, reached: bool) -> None:
    """End a check as not reached where the run did not come so far as to show what it looks at."""
    if reached:
        return
    try:
        check_finishes(trial)
    except Failure as failure:
        raise NotReached(failure) from None
    raise AssertionError("a run that finishes shows everything")


def require_script(trial: Trial) -> None:
    """What follows looks at a run of a script that its author has written."""
    require(trial, trial.script is not None and not trial.is_unwritten)


def require_steps(trial: Trial, fewest: int = 1) -> None:
    """What follows looks at so many steps of every rank."""
    require_script(trial)
    require(trial, trial.common_steps >= fewest)


def check_exchange(trial: Trial, comparison: Comparison) -> None:
    """Stages work on what their neighbours sent them, and replicas on each other's gradients."""
    require_script(trial)
    arrivals = list_arrivals(trial.ranks, trial.pipelines)
    require(trial, bool(arrivals or trial.common_steps))
    explain(
        trial,
        (
            find_foreign_stages,
            find_missing_input,
            partial(find_missing_messages, arrivals=arrivals),
            find_missing_gradient,
            *([partial(find_missing_reduction, comparison=comparison)] if trial.common_steps else []),
        ),
    )


def check_shell_script(trial: Trial) -> None:
    """The shell script starts all ranks and waits for them."""
    require_script(trial)
    shell, report = trial.contract.shell, trial.report
    if not trial.is_shell:
        fail(
            f"There is no {shell}; {trial.name} was started directly.",
            f"{shell}, which starts {trial.contract.ranks} ranks and waits for them",
            f"hand in {shell}: a loop over the ranks, `python {trial.contract.script} $rank &`, and `wait` at the end.",
            "no-shell-script",
        )
    missing = [number for number in range(trial.contract.ranks) if number not in trial.ranks]
    # The launcher ends all ranks when one has failed, some perhaps before they had begun.
    is_cut_short = report.outcome is Outcome.CRASHED and (missing or not report.script_waited)
    require(trial, bool(trial.ranks) and not is_cut_short)
    # That they wait for a rank that was not started is then what the run ended with.
    require(trial, not (missing and report.outcome is Outcome.DEADLOCKED))
    if missing:
        fail(
            f"{trial.name} does not start rank {missing[0]}.",
            f"all {trial.contract.ranks} ranks started, each in the background",
            f"start ranks 0 to {trial.contract.ranks - 1}, each once."
            if _starts_in_background(trial)
            else "end each line that starts a rank with `&`.",
            "a-rank-is-not-started",
        )
    if not report.script_waited:
        fail(
            f"{trial.name} ends before its ranks do.",
            "a script that ends when its last rank has ended",
            "add `wait` as its last line.",
            "the-script-does-not-wait",
        )
    if report.outcome is Outcome.FINISHED and report.exit_status not in (None, 0):
        fail(
            f"{trial.name} ends with exit status {report.exit_status}, although all ranks had finished.",
            "exit status 0",
            "remove what fails after the ranks, or end with `wait`.",
            "the-script-ends-with-an-error",
        )


def _starts_in_background(trial: Trial) -> bool:
    text = trial.script.read_text(encoding="utf-8", errors="replace") if trial.script else ""
    return "&" in text.replace("&&", "")


def check_stages(trial: Trial, comparison: Comparison) -> None:
    """Every rank holds one stage of the depth and width asked, and reads batches of the size asked."""
    require_script(trial)
    contract = trial.contract
    require(trial, trial.is_complete)
    for pipeline in trial.pipelines:
        for stage, number in enumerate(pipeline):
            _check_stage(trial, stage, trial.ranks[number])
        _check_heads(contract, comparison)
        _check_batch(trial, pipeline)
        _check_new_data(trial.ranks[pipeline[0]])


def _check_stage(trial: Trial, stage: int, rank: RankReport) -> None:
    contract, model = trial.contract, largest_model(rank)
    require(trial, model is not None or bool(trial.common_steps))
    if model is None:
        fail(
            f"No forward pass of a model was seen on rank {rank.rank}.",
            "one stage of the model on each rank",
            "call the stage of the rank on each micro-batch.",
            "a-rank-without-a-model",
        )
    shapes = [shape for _, shape in model.parameters]
    width = next((shape[0] for shape in shapes if len(shape) == 1), None)
    layers = count_layers(shapes)
    if width != contract.dmodel:
        fail(
            f"Stage {stage} (rank {rank.rank}, {model.name}) has width {width}.",
            f"dmodel={contract.dmodel} in every stage",
            f"build it with dmodel={contract.dmodel}.",
            "another-width",
        )
    if layers != contract.layers_per_stage:
        fail(
            f"Stage {stage} (rank {rank.rank}, {model.name}) has {layers} layer{'s' * (layers != 1)}.",
            f"n_layers={contract.layers_per_stage} in each of the {STAGES} stages, {contract.layers_per_stage * STAGES} layers in all",
            f"build it with n_layers={contract.layers_per_stage}.",
            "another-number-of-layers",
        )


def _check_heads(contract: Contract, comparison: Comparison) -> None:
    if comparison.heads is not None and comparison.heads != contract.num_heads:
        fail(
            f"The attention of the first stage has {comparison.heads} head{'s' * (comparison.heads != 1)}.",
            f"num_heads={contract.num_heads} in every stage",
            f"build the stages with num_heads={contract.num_heads}.",
            "another-number-of-heads",
        )


def _check_batch(trial: Trial, pipeline: Sequence[int]) -> None:
    first = trial.ranks[pipeline[0]]
    require(trial, _count_sequences(first) >= BATCH_SIZE or bool(trial.common_steps))
    if wrong := find_wrong_batch(trial, pipeline):
        raise wrong


def _read_first(first: RankReport) -> list[Tokens]:
    """The first stage's tokens of one step, all micro-batches together."""
    return [e for e in first.of(Tokens) if e.step == 1 and e.place in ("input", "embedding")]


def _count_sequences(first: RankReport) -> int:
    return len({row for event in _read_first(first) for row in event.rows})


def find_wrong_batch(trial: Trial, pipeline: Sequence[int]) -> Failure | None:
    """A batch of another size than asked."""
    first = trial.ranks[pipeline[0]]
    read, sequences = _read_first(first), _count_sequences(first)
    if not read or find_steps_within_batch(trial.ranks):
        return None
    lengths = list_lengths(trial, pipeline)
    if sequences == BATCH_SIZE and lengths == {trial.contract.seq_l}:
        return None
    found = f"{sequences} sequence{'s' * (sequences != 1)} of {', '.join(map(str, sorted(lengths)))} tokens"
    return Failure(
        f"Rank {first.rank} reads {found} in the first step.",
        f"a batch of {BATCH_SIZE} sequences of {trial.contract.seq_l} tokens",
        f"load with batch_size={BATCH_SIZE} and seq_l={trial.contract.seq_l}, and use all of the batch.",
        "a-batch-of-another-size",
    )


def check_micro_batches(trial: Trial) -> None:
    """Batches are cut into micro-batches, and stages work on different ones at the same time."""
    require_steps(trial)
    if within := find_steps_within_batch(trial.ranks):
        raise NotReached(within)  # what happens with a batch is spread over several steps
    for pipeline in trial.pipelines:
        for stage, number in enumerate(pipeline):
            forwards = _of_step(trial.ranks[number], Forward)
            fewest = trial.contract.fewest_micro_batches
            if len(forwards) < fewest:
                _require_sequences(trial, pipeline, fewest)
                whole = (
                    "the whole batch as one micro-batch"
                    if len(forwards) == 1
                    else f"{len(forwards)} micro-batches"
                )
                fail(
                    f"Stage {stage} (rank {number}) works on {whole} per step, so its neighbours wait until it is through.",
                    f"{'at least ' * (fewest < BATCH_SIZE)}{fewest} micro-batches per step",
                    "cut the batch with tokens.chunk(3), and run each part through the stages by itself.",
                    "too-few-micro-batches",
                )
        _check_overlap(trial, pipeline)


def _require_sequences(trial: Trial, pipeline: Sequence[int], fewest: int) -> None:
    """A batch of fewer sequences can't be cut into so many micro-batches."""
    first = trial.ranks[pipeline[0]]
    wrong = find_wrong_batch(trial, pipeline)
    if wrong and _count_sequences(first) < fewest:
        raise NotReached(wrong)


Span = Forward | Backward


def _of_step(rank: RankReport, kind: type[Span]) -> list[Span]:
    """The passes of the first step."""
    if kind is Forward:
        return list(list_passes(rank, 1))
    return [event for event in rank.of(kind) if event.step == 1]


def _check_overlap(trial: Trial, pipeline: Sequence[int]) -> None:
    first = trial.ranks[pipeline[0]]
    forwards, backwards = _of_step(first, Forward), _of_step(first, Backward)
    if backwards and sum(span.start < backwards[0].start for span in forwards) < 2:
        fail(
            f"Rank {first.rank} waits for the gradient of its first micro-batch{at(backwards[0].at)} before it goes forward with the next "
            "one, so only one stage works at a time.",
            "a first stage that goes on with the next micro-batch while the others work on the one before",
            "run all micro-batches forward first (GPipe), or as many as there are stages (1F1B).",
            "one-micro-batch-after-the-other",
        )
    for source, destination in itertools.pairwise(pipeline):
        _check_prompt(trial, source, destination, Forward, "activation")
        _check_prompt(trial, destination, source, Backward, "gradient")


def _check_prompt(trial: Trial, source: int, destination: int, kind: type[Span], what: str) -> None:
    """What a stage computes for one micro-batch is under way before the next one is through."""
    rank = trial.ranks[source]
    spans = _of_step(rank, kind)
    sends = [
        each
        for each in rank.operations
        if each.op in SENDS and each.call.peer == destination and each.call.step == 1
    ]
    for span, following in itertools.pairwise(spans):
        number, made = _find_made(rank, span)
        send = next((each for each in sends if _carries(each, made)), None)
        # A thread of its own begins when the processor lets it: its clock says nothing about the order of the program.
        if send and send.call.thread == following.thread and send.start_s > following.end:
            fail(
                f"Rank {source} sends the {what} of micro-batch {number}{at(send.call.at)} only after the next micro-batch is through.",
                f"each {what} sent as soon as it is computed, so that the next stage can begin",
                "put the send into the loop over micro-batches, right after the pass that makes what it sends.",
                f"{what}s-sent-late",
            )


def _find_made(rank: RankReport, span: Span) -> tuple[int, Content | None]:
    """The micro-batch of a pass, and what it made for a neighbour: an output, or the gradient of an input."""
    if isinstance(span, Forward):
        return span.micro_batch, span.output
    number = span.micro_batches[0] if len(span.micro_batches) == 1 else -1
    gradients = [
        e for e in rank.of(Gradient) if (e.place, e.step, e.micro_batch) == ("input", span.step, number)
    ]
    return number, gradients[0].content if gradients else None


def _carries(send: Operation, made: Content | None) -> bool:
    """Whether a message has in it what a pass made."""
    content = send.call.content
    return (
        content is not None
        and made is not None
        and (is_multiple(made, content) or bool(is_contained(made, [content])))
    )


def check_non_blocking(trial: Trial) -> None:
    """Messages to the next stage do not hold up the computation."""
    require_steps(trial)
    if blocking := find_blocking_send(trial.ranks):
        raise blocking


def check_gradients(trial: Trial, comparison: Comparison) -> None:
    """In every step every rank has the gradient of the whole batch."""
    require_steps(trial, FEWEST_STEPS)
    if within := find_steps_within_batch(trial.ranks):
        raise within
    if incomparable := find_incomparable(comparison):
        raise incomparable
    if missing := find_missing_reduction(trial, comparison):
        raise NotReached(missing)
    if wrong := find_wrong_gradients(trial, comparison):
        if told := _find_told_of_replicas(trial, comparison):
            raise NotReached(told)
        if misdirected := find_misdirected_messages(trial, comparison):
            raise NotReached(misdirected)  # told with the exchange
        # After steps that are too large nothing is finite: the first step's gradients were right.
        is_later = comparison.mismatches[0].step > 1
        if is_later and _find_endless(trial, comparison) and (other := find_other_optimizer(trial)):
            raise NotReached(other)
        raise wrong


def _find_told_of_replicas(trial: Trial, comparison: Comparison) -> Failure | None:
    """A mistake that another check tells, and that explains gradients which differ between replicas."""
    if unequal := find_unequal_replicas(trial):
        return unequal
    unreduced = list_unreduced_stages(trial, comparison) if len(trial.pipelines) > 1 else []
    if all(mismatch.stage in unreduced for mismatch in comparison.mismatches):
        return find_partial_reduction(trial, comparison)
    return None


def _check_new_data(first: RankReport) -> None:
    """Each step reads other stories than the one before."""
    read = {step: [e.checksum for e in first.of(Tokens) if e.step == step] for step in (1, 2)}
    if read[1] and read[1] == read[2]:
        fail(
            f"Rank {first.rank} reads the same stories in step 2 as in step 1.",
            "the next batch of the stories in each step",
            "make the iterator once, before the loop, and call next() on it in each step.",
            "the-same-stories-in-each-step",
        )


def check_parameters(trial: Trial, comparison: Comparison) -> None:
    """After the last step every rank has the parameters that Adam makes of its gradients."""
    require_steps(trial, FEWEST_STEPS)
    if other := find_other_optimizer(trial):
        raise other
    if endless := _find_endless(trial, comparison):
        raise NotReached(endless)  # Adam makes nothing finite of such gradients
    for number, rank in sorted(trial.ranks.items()):
        changed = changed_between_steps(rank)
        if changed is not None:
            if averaged := find_averaged_weights(trial, comparison):
                raise NotReached(averaged)  # told with the gradients
            fail(
                f"The parameters of rank {number} are changed after step {changed} by something else than its optimizer, "
                "as by averaging weights.",
                "parameters that only the optimizer changes",
                "reduce the gradients before optimizer.step(), and leave the weights alone.",
                "parameters-changed-between-steps",
            )
    if incomparable := find_incomparable(comparison):
        raise NotReached(incomparable)
    if comparison.drifts:
        if unwaited := find_unwaited_reduction(trial, comparison):
            raise NotReached(unwaited)  # told with the gradients
        drift = comparison.drifts[0]
        fail(
            f"After step {drift.step} {drift.parameter} of rank {drift.rank} is not what {OPTIMIZER} makes of the rank's own gradients.",
            f"one optimizer.step() of {OPTIMIZER} with lr={LEARNING_RATE}, weight_decay=0 and its default betas in each step",
            "use one optimizer per rank with these settings, and let nothing else change parameters.",
            "not-an-ordinary-step-of-the-optimizer",
        )


def find_other_optimizer(trial: Trial) -> Failure | None:
    """A rank with another optimizer or another learning rate than asked."""
    for number, rank in sorted(trial.ranks.items()):
        used = rank.optimizers[0] if rank.optimizers else None
        rate = used.options.get("lr") if used else None
        if used is None or used.name != OPTIMIZER or rate != LEARNING_RATE:
            return Failure(
                f"Rank {number} optimizes with {used.name if used else 'nothing'}, lr={rate}.",
                f"{OPTIMIZER} with a learning rate of {LEARNING_RATE}",
                f"use torch.optim.{OPTIMIZER}(net.parameters(), lr={LEARNING_RATE}) on every rank.",
                "another-optimizer",
            )
    return None


def _find_endless(trial: Trial, comparison: Comparison) -> Failure | None:
    return not_finite(gather_evidence(trial, comparison)) if comparison.mismatches else None


def check_different_data(trial: Trial) -> None:
    """The two pipelines read different stories."""
    require_steps(trial)
    read = [
        {row for event in trial.ranks[pipeline[0]].of(Tokens) for row in event.rows}
        for pipeline in trial.pipelines
    ]
    if not all(read):
        fail(
            "No tokens were seen in the first stage of a pipeline.",
            "first stages that read tokens",
            "give the tokens to the first stage of each pipeline.",
            "a-first-stage-without-tokens",
        )
    common = read[0] & read[1]
    if common:
        first, other = trial.pipelines[0][0], trial.pipelines[1][0]
        fail(
            f"Both pipelines read the same data: ranks {first} and {other} were given the same sequences, {len(common)} of {len(read[0])}.",
            "different stories in each pipeline, so that a step learns from twice as many",
            "skip far enough in the second pipeline: TinyStories(…, skip=100_000) on all of its ranks.",
        )


def check_reductions(trial: Trial, comparison: Comparison) -> None:
    """Gradients are reduced within the group of each stage, and groups are made by all ranks."""
    require_script(trial)
    uneven = trial.report.uneven_groups
    foreign = next(foreign_reductions(trial, trial.report), None)
    # Of a run that did not finish for this reason, check_finishes tells it.
    require(trial, trial.report.outcome is Outcome.FINISHED or not (uneven or foreign))
    if uneven is not None:
        fail(
            f"{_sentence(str(uneven))}.",
            "new_group called by every rank for every group, also for those it is not in, in the same order",
            "make all groups in one loop that every rank runs, and keep the one that the rank belongs to.",
            "groups-not-made-by-all-ranks",
        )
    if foreign is not None:
        fail(
            f"{_sentence(_tell_foreign(*foreign))}.",
            "reductions among the replicas of one stage only: other stages have other parameters",
            "make a group for each stage with new_group, and pass it as group= to all_reduce.",
            "a-reduction-among-different-stages",
        )
    require_steps(trial)
    if missing := find_missing_reduction(trial, comparison):
        raise NotReached(missing)
    if partly := find_partial_reduction(trial, comparison):
        raise partly


def find_partial_reduction(trial: Trial, comparison: Comparison) -> Failure | None:
    """Some stages reduce their gradients, and others don't."""
    without = list_unreduced_stages(trial, comparison)
    reducing = [stage for stage in range(len(trial.pipelines[0])) if stage not in without]
    if not without or not reducing:
        return None
    return Failure(
        f"Gradients are reduced in {_stages(reducing)}, but not in {_stages(without)}.",
        "a reduction in every stage",
        "call all_reduce on every rank, each in the group of its own stage.",
        "some-stages-not-reduced",
    )


def _stages(numbers: Sequence[int]) -> str:
    return f"stage{'s' * (len(numbers) > 1)} {listed(numbers)}"


def list_unreduced_stages(trial: Trial, comparison: Comparison) -> list[int]:
    reducing = find_reducing_stages(trial, comparison)
    return [stage for stage in range(len(trial.pipelines[0])) if stage not in reducing]


def foreign_reductions(trial: Trial, report: RunReport) -> Iterator[tuple[Operation, int]]:
    """Reductions of more than a few numbers among ranks of different stages."""
    if len(trial.pipelines) == 1:
        return
    allowed = [set(trial.replicas(stage)) for stage in range(len(trial.pipelines[0]))]
    for rank in report.ranks:
        for operation in _reductions(rank):
            group = operation.call.group or "world"
            members = set(range(trial.contract.ranks)) if group == "world" else _members(group)
            if members and not any(members <= replicas for replicas in allowed):
                yield operation, rank.rank


def _members(group: str) -> set[int]:
    numbers = group.partition("#")[0].split(",")
    return {int(number) for number in numbers if number.isdecimal()}


def _reductions(rank: RankReport) -> list[Operation]:
    return [
        each
        for each in rank.operations
        if each.op in REDUCTIONS
        and (each.call.dtype or "").startswith(("float", "bfloat"))
        and (each.call.elements or 0) > FEW
    ]


def check_replicas(trial: Trial, comparison: Comparison) -> None:
    """The replicas of a stage have the same parameters after every step."""
    require_steps(trial)
    if unequal := find_unequal_replicas(trial):
        raise unequal
    missing = find_missing_reduction(trial, comparison) or find_partial_reduction(trial, comparison)
    unreduced = list_unreduced_stages(trial, comparison)
    for stage, first, other, step in _list_differences(trial):
        if missing and stage in unreduced:
            raise NotReached(missing)
        wrong = find_wrong_gradients(trial, comparison)
        if wrong and have_unlike_gradients(comparison, (first, other), step - 1):
            raise NotReached(wrong)
        fail(
            f"After step {step - 1} {_name_replicas(stage, first, other)} have different parameters.",
            "replicas that stay identical, because they take the same gradient in every step",
            "reduce the gradient of every parameter of the stage before optimizer.step(), on both ranks.",
            "replicas-that-drift-apart",
        )


def find_unequal_replicas(trial: Trial) -> Failure | None:
    """Replicas of a stage that begin with different parameters."""
    for stage, first, other, step in _list_differences(trial):
        if step == 1:
            return Failure(
                f"{_sentence(_name_replicas(stage, first, other))} begin with different parameters.",
                "replicas that begin equal",
                "call torch.manual_seed(0) on every rank just before it builds its stage.",
                "replicas-that-begin-different",
            )
    return None


def _name_replicas(stage: int, first: int, other: int) -> str:
    return f"ranks {first} and {other}, the replicas of stage {stage},"


def _list_differences(trial: Trial) -> Iterator[tuple[int, int, int, int]]:
    """Stage, both ranks and step of replicas whose parameters differ before a step: each pair's first."""
    for stage in range(len(trial.pipelines[0])):
        first, *others = trial.replicas(stage)
        for other in others:
            steps = (optimizer_steps(trial.ranks[rank]) for rank in (first, other))
            differ = (
                one.number
                for one, two in zip(*steps, strict=False)
                if is_finite(one.before) and is_finite(two.before) and one.before != two.before
            )
            if step := next(differ, None):
                yield stage, first, other, step
