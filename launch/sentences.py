"""What a report says in words: what was seen, what was expected, what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .events import Translation, cite
from .groups import find_uneven
from .run_report import FailureKind, Outcome, RankReport, RankState, RunFailure
from .sizes import UnequalSizes, find_too_large, find_too_small
from .verdict import SCRIPT_GRACE_S, Situation, Verdict, has_left, is_consequence
from .waits import Standstill, Wait
from .workers import MESSAGES, SENDS, Operation, Worker


def sentence(situation: Situation, verdict: Verdict, ranks: Sequence[RankReport], output: str) -> str:
    """The report's main text."""
    tail = "\n".join([line for line in output.splitlines() if line.strip()][-20:])
    text = _outcome(situation, verdict, ranks, tail)
    if verdict.outcome in (Outcome.FINISHED, Outcome.INTERRUPTED):
        return text
    return f"{text}{_shell_words(output, text)}{_survived(situation, verdict.failure)}"


_SHELL_WORDS = re.compile(
    r"^(?:\S*/)?([^/\s:]+): (?:eval: )?(line \d+: (?!\s*\d+ )[^\n]{1,200})$", re.MULTILINE
)


def _shell_words(output: str, told: str) -> str:
    """The first line in which a shell says what it could not do, unless it has been told."""
    found = _SHELL_WORDS.search(output)
    if found is None or found[2] in told:
        return ""
    return f" The shell said: {found[1]}: {found[2]}."


def _said(message: str) -> str:
    """An exception's words on one line, without the stack of a library in C++; in quotation marks where they could pass for ours."""
    words = re.split(r"Exception raised from|\nframe #0", message)[0]
    words = " ".join(words.split())[:400].rstrip(".")
    return f'"{words.replace(chr(34), chr(39))}"' if re.search(r"[.!?;:] ", words) else words


def _survived(situation: Situation, failure: RunFailure | None) -> str:
    """An exception that a rank caught before it came to this: the first one, which often explains the rest."""
    limit_s = failure.t if failure is not None else situation.now_s
    found = [
        (each, rank)
        for rank, worker in situation.by_rank().items()
        for each in worker.survived.values()
        if each.first_s < limit_s
        and not is_consequence(each.type, each.message)
        and not any(raised.fatal and raised.message == each.message for raised in worker.raised)
    ]
    if not found or (failure is not None and failure.kind is FailureKind.REPEATED):
        return ""
    first, rank = min(found, key=lambda item: item[0].first_s)
    place = f" at {first.at}" if first.at else ""
    words = _said(first.message)
    times = f" {first.count} times" if first.count > 1 else ""
    dropped = " and dropped it without a word" if first.silent else ""
    first_thing = "Unless that is meant, correct it first" if first.silent else "Correct this first"
    return (
        f" Before that, rank {rank} had caught{times} {first.type}: {words}{place}{dropped}. {first_thing}: a rank that goes on "
        "after it is out of step with the others."
    )


def _outcome(situation: Situation, verdict: Verdict, ranks: Sequence[RankReport], output_tail: str) -> str:
    match verdict.outcome:
        case Outcome.FINISHED:
            return _finished(situation)
        case Outcome.CRASHED:
            assert verdict.failure is not None
            return _crashed(situation, verdict.failure, output_tail)
        case Outcome.DEADLOCKED:
            assert verdict.standstill is not None
            return _deadlocked(situation, verdict.standstill)
        case Outcome.TOO_SLOW:
            return _too_slow(situation, ranks, output_tail)
        case Outcome.WRONG_STEPS:
            return _wrong_steps(situation, ranks, output_tail)
        case Outcome.INTERRUPTED:
            return f"The run was interrupted after {situation.now_s:.1f} s; {_steps(ranks, situation.steps)}."


def _finished(situation: Situation) -> str:
    count = "The only rank" if situation.ranks == 1 else f"All {situation.ranks} ranks"
    return f"{count} made the {steps_of(situation.steps)} asked, in {situation.now_s:.1f} s."


def steps_of(count: int) -> str:
    """`1 step`, `8 steps`."""
    return f"{count} step{'s' * (count != 1)}"


def listed(items: Iterable[object]) -> str:
    """`1, 2 and 3`."""
    texts = [str(item) for item in items]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _steps(ranks: Sequence[RankReport], asked: int) -> str:
    """`rank 0 made 5 of 8 steps, rank 1 made 4`."""
    parts = [f"rank {rank.rank} made {rank.steps}" for rank in ranks]
    if not parts:
        return "no rank was seen"
    return ", ".join([f"{parts[0]} of {steps_of(asked)}", *parts[1:]])


# --- crashed --------------------------------------------------------------------------------------


def _crashed(situation: Situation, failure: RunFailure, output_tail: str) -> str:
    who = f"Rank {failure.rank}" if failure.rank is not None else f"The process `{failure.process}`"
    if failure.kind in (FailureKind.SCRIPT, FailureKind.LIMIT):
        who = "The script"
    ranks = situation.by_rank()
    worker = ranks.get(failure.rank) if failure.rank is not None else None
    progress = _progress([worker] if worker else list(ranks.values()), situation.steps)
    place = f" at {failure.at}" if failure.at else ""
    expected = f"Every rank was expected to make {steps_of(situation.steps)} and then end."
    seen = f"{who} {_what_happened(failure, output_tail)}{place}, {progress}."
    return f"{seen} {expected} {_crash_advice(situation, failure, output_tail)}"


def _progress(workers: Sequence[Worker], asked: int) -> str:
    made = sorted({worker.steps for worker in workers})
    if not made or (made == [0] and len(workers) != 1):
        return "before any step"
    return f"after {' to '.join(map(str, dict.fromkeys((made[0], made[-1]))))} of {steps_of(asked)}"


def _what_happened(failure: RunFailure, output_tail: str) -> str:
    match failure.kind:
        case FailureKind.RAISED:
            said = _said(failure.message)
            return f"failed with {failure.type}: {said}" if said else f"failed with {failure.type}"
        case FailureKind.EXITED:
            last_words = f" and the words: {_said(failure.message)}" if failure.message.strip() else ""
            return f"ended with exit status {failure.code}{last_words}"
        case FailureKind.REPEATED:
            return f"fails with {failure.type}: {_said(failure.message)} again and again, and catches it each time"
        case FailureKind.ENDED_EARLY:
            return "came to the end of its program while others still needed it"
        case FailureKind.SCRIPT:
            shell = _SHELL_WORDS.search(output_tail)
            last = f"{shell[1]}: {shell[2]}" if shell else _said(output_tail.strip().rpartition("\n")[2])
            quoted = f"; its last words were: {last}" if last else " and printed nothing"
            return f"ended with exit status {failure.code}{quoted}"
        case FailureKind.LIMIT:
            return "went past a limit and was ended, with all its ranks"
        case FailureKind.KILLED:
            sizes = re.search(r"(\d+) vs (\d+)\. Received data size doesn't match", output_tail)
            if sizes is None and "size doesn't match" in output_tail:
                return "was ended by gloo because a message did not fit the tensor that should receive it"
            if sizes is not None:
                return (
                    f"was ended by gloo because a message of {sizes[1]} bytes did not fit the {sizes[2]} bytes of the tensor that "
                    "should receive it"
                )
            return (
                f"was ended by a signal ({failure.message})" if failure.message else "was killed by a signal"
            )


_PLAINLY = (
    "Start the ranks as plain processes on one machine, without {0}: `python b1.py $rank &` in a loop over the ranks, and `wait` "
    "at the end."
)
_COLLECTIVE_ADVICE = (
    "All ranks of a collective give tensors of one shape and type: let them come to their collectives in the same order, and name the "
    "group of the ranks that take part."
)
_SIZE_ADVICE = "Give the receiving tensor the shape and the type of the one that is sent."
_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"ModuleNotFoundError|ImportError",
        "Use only what the course's environment has, or put the module beside the script.",
    ),
    (r"EOFError", "Nobody answers when a run is graded: remove input() and read settings from arguments."),
    (
        r"FileNotFoundError|No such file or directory|can't open file",
        "Name files relative to the script; folders of your own machine do not exist here.",
    ),
    (
        r"Address already in use|EADDRINUSE",
        "Let the environment variable MASTER_PORT choose the port.",
    ),
    (
        r"(mpirun|mpiexec|srun|sbatch|accelerate|deepspeed|parallel|screen|tmux|docker|ssh): command not found",
        _PLAINLY,
    ),
    (r"command not found", "Start every rank with `python`, and use no tools beyond a plain shell."),
    (r"out of memory|MemoryError|bad_alloc", "Keep fewer activations alive, or smaller micro-batches."),
    (
        r"Timed out|timed out|timeout",
        "Another rank did not come to this call in time: compare what both do at this point.",
    ),
    (
        r"modified by an inplace operation",
        "Something that a backward pass still needed was changed: step the optimizer, and write into tensors, only after the backward "
        "passes of all micro-batches.",
    ),
    (r"size doesn't match", _SIZE_ADVICE),
    (
        r"but got <class 'NoneType'>",
        "What is sent is None. A tensor's .grad is None until a backward pass has gone through it, and stays None if it did not "
        "require a gradient before its forward pass: compare which tensor is sent with the one that the pass went through.",
    ),
    (
        r"'NoneType' object has no attribute '(contiguous|clone|detach|shape|size|numel|data|cpu|to|mul_|div_|view|reshape)'",
        "What stands before the dot is None. If it is a tensor's .grad: that is None until a backward pass has gone through the tensor, "
        "and stays None if it did not require a gradient before its forward pass.",
    ),
    (
        r"sys\.argv\[\d+\][^$]*list index out of range",
        "Give each rank its number where the shell script starts it: `python b1.py $rank &`.",
    ),
    (r"Segmentation fault|Aborted|Bus error", "The traceback in the report shows the call that was running."),
)


def _crash_advice(situation: Situation, failure: RunFailure, output_tail: str) -> str:
    if failure.kind is FailureKind.LIMIT:
        return failure.message
    uneven = find_uneven(situation.by_rank())
    if uneven is not None:
        return f"{capital(str(uneven))}. {NEW_GROUP_ADVICE}"
    if failure.kind is FailureKind.ENDED_EARLY:
        return "Let every rank make the same number of steps, and end when nobody waits for it any more."
    unequal = (
        find_too_large(situation.by_rank(), failure.rank) if failure.rank in situation.by_rank() else None
    )
    if unequal is not None and ("size doesn't match" in output_tail or failure.message == "Aborted"):
        return f"{capital(str(unequal))}. {_SIZE_ADVICE if unequal.is_message else _COLLECTIVE_ADVICE}"
    small = find_too_small(situation.by_rank())
    if small is not None and failure.kind is FailureKind.RAISED:
        return f"{_tell_half_filled(small)} {_SIZE_ADVICE}"
    departed = _departed_with_messages(situation)
    if departed and failure.kind is FailureKind.RAISED:
        return departed
    text = f"{failure.type} {failure.message} {failure.traceback}"
    if failure.kind in (FailureKind.SCRIPT, FailureKind.KILLED, FailureKind.EXITED):
        text += output_tail
    if advice := _find_advice(text):
        return advice
    if failure.kind is FailureKind.REPEATED:
        return "Let it end the rank: whoever goes on without what failed keeps the others waiting."
    if failure.kind is FailureKind.KILLED:
        return "A killed process has most often run out of memory, or was ended by the script itself."
    return "The traceback is in the report; run the script by itself to see all that it prints."


def _find_advice(text: str) -> str:
    """For the first known trouble in a text; empty if there is none."""
    for pattern, advice in _ADVICE:
        if found := re.search(pattern, text):
            return advice.format(*found.groups())
    return ""


def _departed_with_messages(situation: Situation) -> str:
    """A rank that ended in peace with messages on their way, which end with it."""
    for rank, worker in situation.by_rank().items():
        if worker.exited is None or worker.exited.code != 0 or worker.raised:
            continue
        waited = {id(operation.target) for operation in worker.operations if operation.target is not None}
        lost = [each for each in worker.operations if each.op == "isend" and id(each) not in waited]
        if lost:
            return (
                f"Rank {rank} had ended without waiting for {lost[-1].describe()} {lost[-1].call.at}: "
                "call wait() on what isend returns before the program ends, or the message is lost."
            )
    return ""


# --- deadlocked -----------------------------------------------------------------------------------


def _deadlocked(situation: Situation, standstill: Standstill) -> str:
    waits = {wait.rank: wait for wait in standstill.waits}
    shown = [waits[rank] for rank in standstill.cycle] or list(waits.values())[:3]
    seen = "; ".join(_seen(shown))
    details = "; ".join(dict.fromkeys(wait.why for wait in shown if wait.why))
    lost = next((wait.why for wait in standstill.waits if wait.lost), "")
    if lost:
        return f"{capital(seen)}: {lost}. {_LOST_ADVICE}"
    conclusion = (
        f"{_conclusion(situation, shown, bool(standstill.cycle))}{f' ({details})' if details else ''}"
    )
    uneven = find_uneven(situation.by_rank())
    if uneven is not None:
        return f"{capital(seen)}: {uneven}. {NEW_GROUP_ADVICE}"
    misdirected = next((wait for wait in standstill.waits if wait.misdirected), None)
    if misdirected is not None:
        return f"{capital(str(misdirected))}, but {misdirected.why}. {_PEER_ADVICE}"
    return f"{capital(seen)}: {conclusion}. {_deadlock_advice(situation, shown)}"


_LOST_ADVICE = "Keep what isend and irecv return, and call wait() on it: of a message whose handle is gone nothing may arrive."
_PEER_ADVICE = (
    "Compare src and dst of the two sides, and their order: each receive names the rank that sends to it, each send the one "
    "that receives from it."
)
NEW_GROUP_ADVICE = (
    "Every rank must call new_group for every group, also for those it is not in, in the same order; "
    "else the wrong ranks may meet."
)


def _seen(waits: Sequence[Wait]) -> list[str]:
    """One clause for each call: ranks that wait in the same call share it."""
    together: dict[tuple[str, str], list[Wait]] = {}
    for wait in waits:
        together.setdefault((wait.call, str(wait.at)), []).append(wait)
    clauses = []
    for alike in together.values():
        if len(alike) == 1:
            clauses.append(str(alike[0]))
        else:
            words = str(alike[0]).removeprefix(f"rank {alike[0].rank} waits")
            clauses.append(f"ranks {listed(wait.rank for wait in alike)} wait{words}")
    return clauses


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _subjects(situation: Situation, waits: Iterable[Wait]) -> list[Operation]:
    ranks = situation.by_rank()
    ranked = [ranks[wait.rank] for wait in waits if wait.rank in ranks]
    return [operation.subject for worker in ranked for operation in worker.blocked()]


def _conclusion(situation: Situation, waits: Sequence[Wait], cycle: bool) -> str:
    ops = {operation.op for operation in _subjects(situation, waits)}
    if not cycle:
        return _conclusion_without_cycle(situation, waits)
    both = "neither" if len(waits) == 2 else "none"
    if len(waits) == 1:
        return "it waits for itself"
    if ops <= {"recv", "irecv"}:
        return (
            f"{both} has sent what the other waits for"
            if len(waits) == 2
            else "none has sent what is waited for"
        )
    if ops <= SENDS:
        return f"{both} has begun to receive, and a send ends only when its receive has begun"
    return "each waits for the next" if len(waits) > 2 else "each waits for the other"


def _conclusion_without_cycle(situation: Situation, waits: Sequence[Wait]) -> str:
    ranks = situation.by_rank()
    partners = sorted({partner for wait in waits for partner in wait.partners})
    absent = [rank for rank in partners if rank not in ranks]
    left = [rank for rank in partners if rank in ranks and has_left(ranks[rank])]
    parts = []
    if absent:
        parts.append(f"rank{'s' * (len(absent) > 1)} {listed(absent)} never started")
    parts += [f"rank {rank} has ended after {steps_of(ranks[rank].steps)}" for rank in left]
    return ", ".join(parts) or "what they wait for will never come"


def _deadlock_advice(situation: Situation, waits: Sequence[Wait]) -> str:
    subjects = _subjects(situation, waits)
    ops = {operation.op for operation in subjects}
    if "init_process_group" in ops:
        return (
            "A process group begins once as many ranks have joined as its world_size says: start them all, "
            "each in the background (`&`), with one world_size, and every rank number once."
        )
    if "new_group" in ops:
        return NEW_GROUP_ADVICE
    if not ops <= MESSAGES:
        return (
            "Every member of a group must enter the same collectives, in the same order as its other calls."
        )
    if any(wait.why for wait in waits):
        return (
            "Compare tags, peers and order of the two sides: each send needs one receive with the same tag."
        )
    if ops <= SENDS:
        return "Let one side receive first, or begin the sends with isend and wait for them later."
    return "Bring the two sides into an order in which every receive finds a send that was begun before."


# --- too slow, wrong steps ------------------------------------------------------------------------


def _too_slow(situation: Situation, ranks: Sequence[RankReport], output_tail: str) -> str:
    asked = f"All were expected to make {steps_of(situation.steps)} within {situation.timeout_s:g} s."
    if not ranks:
        last = _said(output_tail.strip().rpartition("\n")[2])
        printed = f"the last line printed was: {last}" if last else "nothing was printed"
        seen = f"After {situation.now_s:.0f} s no rank had started; {printed}."
        return f"{seen} {asked} Does the script start `python`?"
    asleep = [rank for rank in ranks if rank.state is RankState.ASLEEP]
    holding = asleep or [rank for rank in ranks if rank.state is RankState.COMPUTING]
    doing = "; ".join(
        f"rank {rank.rank} {rank.where}{f' {rank.at}' if rank.at else ''}" for rank in holding[:3]
    )
    seen = f"After {situation.now_s:.0f} s {_steps(ranks, situation.steps)}"
    if doing:
        seen += f"; {doing}"
    if asleep:
        return f"{seen}, and the others wait for it. {asked} Remove the sleep, or what the process waits for."
    last_s = max((worker.last_progress_s for worker in situation.by_rank().values()), default=0.0)
    if situation.now_s - last_s < 10:
        return f"{seen}. It was still making progress. {asked} Do less work per step, or allow more time."
    return (
        f"{seen}. Nothing has happened for {situation.now_s - last_s:.0f} s. {asked} Look at the lines named."
    )


def _wrong_steps(situation: Situation, ranks: Sequence[RankReport], output_tail: str) -> str:
    expected = f"Exactly {steps_of(situation.steps)} on each of {situation.ranks} ranks were expected."
    if not any(worker.steps for worker in situation.workers):
        last = _said(output_tail.strip().rpartition("\n")[2])
        printed = f"; the last line printed was: {last}" if last else ""
        return f"No process made an optimizer step{printed}. {expected} {_advise_without_steps(situation, output_tail)}"
    missing = [rank.rank for rank in ranks if rank.state is RankState.MISSING]
    seen = capital(_steps([rank for rank in ranks if rank.rank not in missing], situation.steps))
    if missing:
        named = f"rank{'s' * (len(missing) > 1)} {listed(missing)}"
        return f"{seen}, and {named} never started. {expected} Start one process for each rank."
    extra = [rank.rank for rank in ranks if rank.rank >= situation.ranks]
    if extra:
        return f"{seen}. {expected} Start {situation.ranks} ranks, numbered from 0."
    ahead = [rank for rank in ranks if rank.state is RankState.STOPPED]
    if ahead and len(ahead) < len(ranks):
        return (
            f"{seen}, and rank {ahead[0].rank} was about to make one more. {expected} "
            "Call optimizer.step() once for each batch, on every rank, after its last micro-batch."
        )
    return f"{seen}. {expected} Take the number of steps from the environment variable LAB_STEPS."


def _advise_without_steps(situation: Situation, output_tail: str) -> str:
    if not situation.workers:
        return "Does the script start every rank with `python`, and not with `python -I`, `-S` or `-E`, which hide it from the launcher?"
    return _find_advice(output_tail) or (
        "Let every rank train: call the step() of an optimizer of torch.optim once per batch."
    )


# --- notes ----------------------------------------------------------------------------------------


def notes(situation: Situation, waited: bool, rejected: int, told: bool) -> list[str]:
    """What a reader should know besides. `told`: the sentence has already spoken of groups."""
    found = []
    workers = situation.workers
    stopped = [worker for worker in workers if worker.stopped is not None]
    if stopped:
        found.append(
            f"The script would have gone on after the {steps_of(situation.steps)} asked, and was ended: it does not take "
            "their number from LAB_STEPS, or steps more than once per batch."
        )
    if not waited:
        found.append(
            "The script ended before its ranks did: it starts them in the background and does not wait."
        )
    elif situation.script_status is None and _ranks_ended_long_ago(situation):
        found.append("The script itself did not end after all its ranks had; it was ended.")
    if situation.script_status not in (None, 0):
        found.append(f"The script's own exit status was {situation.script_status}.")
    uneven = find_uneven(situation.by_rank())
    if uneven is not None and not told:
        found.append(f"{capital(str(uneven))}. {NEW_GROUP_ADVICE}")
    found += _never_waited(situation)
    small = find_too_small(situation.by_rank())
    if small is not None:
        found.append(f"{_tell_half_filled(small)} {_SIZE_ADVICE}")
    found += _translations(workers)
    found += _twins(workers)
    found += _growth(situation)
    faults = sorted(
        {
            type(event).__name__
            for worker in workers
            for event in worker.events
            if type(event).__name__ in ("Fault", "Cut")
        }
    )
    if "Cut" in faults:
        found.append("A process recorded more than its allowance; what it did later is missing here.")
    if "Fault" in faults:
        found.append("The launcher's instrumentation failed at something; see the `fault` events.")
    if rejected:
        found.append(f"{rejected} lines in the events folder are not events: the script wrote them itself.")
    return found


def _ranks_ended_long_ago(situation: Situation) -> bool:
    """Whether the script had the time to end after its ranks: where one has failed, it is ended at once."""
    ends = [
        situation.now_s if each.ended_s is None else each.ended_s for each in situation.workers if each.ended
    ]
    return 0 < len(ends) == len(situation.workers) and situation.now_s - max(ends) >= SCRIPT_GRACE_S


FEWEST_STEPS_OF_GROWTH = 50
GROWTH_BYTES = 50_000_000  # less is the allocator's
GROWTH_SHARE = 0.1

_TRANSLATIONS: Mapping[str, str] = {
    "device": "This machine has no {asked}: its tensors lived on the CPU.",
    "backend": "This machine cannot run the backend {asked}: {given} was used.",
    "import": "`import {asked}` was given the module {given}.",
    "name": "{given} has nothing like {asked}: what stood in its place does nothing.",
    "address": "The ranks met on this machine, not at {asked}.",
    "folder": "os.chdir to {asked} was passed over: that folder is of another machine.",
    "python": "The script names {asked}: the launcher's own python was run.",
    "port": "The port {asked} was replaced by a free one.",
    "file": "The rendezvous file {asked} was replaced by one of this run.",
}


def _translations(workers: Sequence[Worker]) -> list[str]:
    texts: dict[str, None] = {}
    for worker in workers:
        for event in worker.events:
            if isinstance(event, Translation) and event.what in _TRANSLATIONS:
                if event.what == "port" and event.asked == "29500":
                    continue  # the launcher's own suggestion
                asked = event.asked.partition(":")[0] if event.what == "device" else event.asked
                texts[_TRANSLATIONS[event.what].format(asked=cite(asked), given=cite(event.given))] = None
    return list(texts)[:20]


def _tell_half_filled(small: UnequalSizes) -> str:
    return f"{capital(str(small))}: the message fills only the beginning of that tensor."


def _never_waited(situation: Situation) -> list[str]:
    """Of the messages that nobody waited for, the first."""
    dropped = [
        (operation, rank)
        for rank, worker in situation.by_rank().items()
        for operation in worker.operations
        if operation.dropped
    ]
    if not dropped:
        return []
    first, rank = min(dropped, key=lambda item: item[0].start_s)
    return [
        f"On rank {rank} the {first.op} begun at {first.call.at} was never waited for: call wait() on what it returns, or the "
        "message may be lost."
    ]


def _twins(workers: Sequence[Worker]) -> list[str]:
    """Ranks that more than one process claimed."""
    claims = [worker.rank for worker in workers if worker.rank is not None]
    twice = sorted({rank for rank in claims if claims.count(rank) > 1})
    return [f"Rank {rank} was started {claims.count(rank)} times." for rank in twice]


def _growth(situation: Situation) -> list[str]:
    """Ranks that hold more and more, over the last quarter of their steps at least."""
    found = []
    for rank, worker in situation.by_rank().items():
        if not worker.holdings:
            continue
        after = worker.holdings[-1]
        fewest = max(FEWEST_STEPS_OF_GROWTH, after.step // 4)
        before = next((each for each in reversed(worker.holdings) if after.step - each.step >= fewest), None)
        if before is None:
            continue
        steps = after.step - before.step
        grown = after.memory_bytes - before.memory_bytes
        if grown > GROWTH_BYTES and grown > before.memory_bytes * GROWTH_SHARE:
            found.append(
                f"The memory of rank {rank} grows with the steps: by {grown / 1e6:,.0f} MB from step {before.step:,} to step "
                f"{after.step:,}. Something of every step is kept; `loss` or outputs in a list keep their graphs, `loss.item()` does not."
            )
        opened = after.open_files - before.open_files
        if opened > steps / 10:
            found.append(
                f"Rank {rank} opens files or sockets that it does not close: {opened:,} more from step {before.step:,} to step "
                f"{after.step:,}. Make groups and open files once, before the loop over the steps."
            )
    return found[:4]
