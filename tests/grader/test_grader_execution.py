"""Real kernels, without torch: whatever a cell or a function does, it costs that one alone.

Starting a kernel takes a second or two, so a session is shared by the tests that look at it.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import Mock

import psutil
import pytest

from grader.containment import Level
from grader.execution import Answer, Session
from grader.homework import KernelLimits
from grader.isolation import KIT, IsolationError, choose_level, make_view
from grader.notebook import Cell
from grader.observation import CodeError
from grader.own_files import OwnFiles

TIMEOUT_S = 60.0
LEVELS = ("none", "full")


@pytest.fixture(scope="module", params=LEVELS)
def isolation(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How a session's kernel is contained, at each level that this machine gives."""
    try:
        level = choose_level(request.param, hidden=False)
    except IsolationError as error:
        pytest.skip(str(error))
    return {"level": level, "view": make_view((), KIT)}


def make_cells(*sources: str) -> list[Cell]:
    return [Cell(index, "code", source, ()) for index, source in enumerate(sources)]


def call(session: Session, name: str, timeout_s: float = TIMEOUT_S, **arguments: Any) -> Answer:
    return session.observe("call", {"name": name, "arguments": arguments}, timeout_s)


def read(session: Session, name: str) -> Any:
    answer = session.observe("read_value", {"name": name}, TIMEOUT_S)
    return answer.value if answer.outcome == "ok" else answer


# --- cells ------------------------------------------------------------------------------------------------------------------------------

CELLS = {
    "first": "with open('runs', 'a') as file: file.write('first ')\nfirst = 1",
    "raises": "\n\ny = 1\nraise ValueError('no such thing')",
    "raises below": "def g(x):\n    return x[5]\ng('ab')",
    "raises below a magic": "%%time\n1 / 0",
    "after raises": "after_raises = first + 1",
    "stops": "share = 1 / 0\nhalf = share / 2\ngoes_on = 1",
    "stops, then exits": "before = 1\n1 / 0\nimport os\nos._exit(0)",
    "syntax error": "def f(:",
    "loops": "while True: pass",
    "sys.exit": "import sys\nsys.exit(3)",
    "asks": "name = input('Name? ')",
    "prints 20 MB": "for _ in range(20):\n    print('x' * 1_000_000)",
    "os._exit": "import os\nwith open('runs', 'a') as file: file.write('exit ')\nos._exit(0)",
    "exit()": "exit()",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "last": "with open('runs') as file: runs = file.read()",
}


@pytest.fixture(scope="module")
def mishaps(isolation: dict[str, Any]) -> Iterator[Session]:
    """A session in which all cells were run, each with two seconds."""
    with Session(make_cells(*CELLS.values()), KernelLimits(cell_timeout_s=2.0), **isolation) as session:
        session.run_cells()
        yield session


@pytest.mark.parametrize(
    ("cell", "outcome", "error"),
    [
        ("first", "ok", ""),
        ("raises", "error", "ValueError: no such thing at `raise ValueError('no such thing')`"),
        ("raises below", "error", "IndexError: string index out of range at `g('ab')`"),
        ("raises below a magic", "error", "ZeroDivisionError: division by zero"),
        ("after raises", "ok", ""),
        ("stops", "error", "ZeroDivisionError: division by zero at `share = 1 / 0`"),
        ("stops, then exits", "error", "ZeroDivisionError: division by zero at `1 / 0`"),
        ("syntax error", "error", "SyntaxError"),
        ("loops", "timeout", "KeyboardInterrupt"),
        ("sys.exit", "error", "SystemExit: 3"),
        ("asks", "error", "StdinNotImplementedError"),
        ("prints 20 MB", "ok", ""),
        ("os._exit", "died", ""),
        ("exit()", "died", ""),
        ("segfault", "died", ""),
        ("last", "ok", ""),
    ],
)
def test_a_cell_s_mishap_is_told_and_costs_that_cell_alone(
    mishaps: Session, cell: str, outcome: str, error: str
) -> None:
    run = mishaps.runs[list(CELLS).index(cell)]

    assert run.outcome == outcome
    assert str(run.error or "").startswith(error)
    assert "%%" not in str(run.error)


def test_kernels_that_ended_by_themselves_were_not_killed(mishaps: Session) -> None:
    assert mishaps.kills == 0


def test_kernels_that_were_killed_are_counted(isolation: dict[str, Any]) -> None:
    cells = make_cells("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "x = 1")
    with Session(cells, KernelLimits(), **isolation) as session:
        session.run_cells()

        assert session.kills == 1


def test_a_broker_that_was_killed_is_counted(isolation: dict[str, Any]) -> None:
    with Session(make_cells("x = 1"), KernelLimits(), **isolation) as session:
        session.run_cells()
        assert session._broker is not None
        session._broker._process.kill()

        assert read(session, "x").outcome == "died"
        assert session.kills == 1


def test_what_does_not_need_a_failed_statement_is_run_after_it(mishaps: Session) -> None:
    assert read(mishaps, "goes_on") == 1
    assert mishaps.runs[list(CELLS).index("stops")].lost == {"share", "half"}


def test_what_runs_after_a_failed_statement_costs_nothing_before_it(mishaps: Session) -> None:
    assert read(mishaps, "before") == 1


def test_what_a_cell_prints_is_kept_in_part(mishaps: Session) -> None:
    output = mishaps.runs[list(CELLS).index("prints 20 MB")].output

    assert 0 < len(output) <= 20_000
    assert set(output) <= {"x", "\n"}


def test_a_new_kernel_runs_earlier_cells_again_but_not_those_that_ended_theirs(mishaps: Session) -> None:
    # A container's folder is new with each kernel; a plain kernel finds what those before it left.
    contained = mishaps.level is not Level.NONE
    assert read(mishaps, "runs") == ("first " if contained else "first first exit first first first ")


def test_names_are_there_in_the_new_kernel(mishaps: Session) -> None:
    assert (read(mishaps, "first"), read(mishaps, "after_raises")) == (1, 2)


# --- files that were handed in with the notebook -------------------------------------------------------------------------------------

USES_FILES = """
import os, sys
import tools
sys.path.append("..")
import above
from parts.more import seven
os.makedirs("results", exist_ok=True)
with open("results/epochs.csv", "w") as file: file.write("1")
os.chdir("..")
with open("beside.txt", "w") as file: file.write(str(tools.three + above.four))
def read():
    with open("beside.txt") as file: return [file.read(), seven, os.path.exists("part_a/results/epochs.csv")]
"""


def test_own_files_are_there_and_folders_are_the_same_at_each_level(
    isolation: dict[str, Any], tmp_path: Path
) -> None:
    sources = {"part_a/tools.py": "three = 3", "above.py": "four = 4", "part_a/parts/more.py": "seven = 7"}
    files = {name: tmp_path / name for name in sources}
    for name, source in sources.items():
        files[name].parent.mkdir(parents=True, exist_ok=True)
        files[name].write_text(source)
    own = OwnFiles(files, "part_a")
    with Session(make_cells(USES_FILES), KernelLimits(), own=own, **isolation) as session:
        assert call(session, "read").value == ["7", 7, True], session.runs


LOOKS = """
try:
    import faster
except ImportError:
    faster = None
def looks(namespace, name): return faster is None
"""


def test_what_probes_import_never_finds_files_of_the_submission(
    isolation: dict[str, Any], tmp_path: Path
) -> None:
    """They would run before anything watches them: pandas looks for numexpr, and torch for dill."""
    own = OwnFiles({"faster.py": tmp_path / "faster.py"})
    own.files["faster.py"].write_text("found = True")
    cells = make_cells("import faster\nfound = faster.found")
    with Session(cells, KernelLimits(), probes={"early": LOOKS}, own=own, **isolation) as session:
        assert session.observe("early.looks", {"name": "found"}, TIMEOUT_S).value is True
        assert read(session, "found") is True


# --- packages that are not installed ----------------------------------------------------------------------------------------------------

DECORATED = """
import noplots
noplots.set_theme()
%matplotlib widget
def draws(): noplots.lineplot([1, 2]); return 3
def needs(): return float(noplots.mean([1, 2]))
"""


def test_what_decorates_and_is_missing_is_passed_over_and_noted(isolation: dict[str, Any]) -> None:
    adapts = {"devices": "def adapt(note): note('device', 'cuda')"}
    cells = make_cells(DECORATED)
    with Session(cells, KernelLimits(), probes=adapts, stand_ins=["noplots"], **isolation) as session:
        assert call(session, "draws").value == 3
        needing = call(session, "needs")

    assert needing.error is not None
    assert (needing.error.name, needing.error.message) == ("ModuleNotFoundError", "No module named 'noplots'")
    assert list(session.notes) == [("device", "cuda"), ("package", "noplots"), ("look", "widget")]
    assert session.tampering == {}


# --- functions --------------------------------------------------------------------------------------------------------------------------

FUNCTIONS = """
import json, math, os, sys, time

def fine(n): return {"n": n, "nan": math.nan}
def raises(): raise KeyError("gone")
def leaves(): sys.exit(4)
def asks(): return input()
def prints():
    for _ in range(20): print("x" * 1_000_000)
    return 1
def loops():
    while True: pass
def ignores():
    while True:
        try: time.sleep(60)
        except KeyboardInterrupt: pass
def dies(): os._exit(0)
def odd(): return object()
def many(): return [0] * 300_000
def ellipsis(): ...
"""


@pytest.fixture(scope="module")
def functions(isolation: dict[str, Any]) -> Iterator[Session]:
    with Session(make_cells(FUNCTIONS), KernelLimits(), **isolation) as session:
        yield session


@pytest.mark.parametrize(
    ("function", "outcome", "error"),
    [
        ("raises", "error", "KeyError: 'gone'"),
        ("leaves", "error", "SystemExit: 4"),
        ("asks", "error", "EOFError"),
        ("odd", "error", "NotPlain: a value of type object"),
        ("many", "error", "NotPlain: a value with over 200,000 items"),
        ("absent", "error", "NotDefined: absent"),
        ("dies", "died", ""),
    ],
)
def test_a_function_s_mishap_is_told_and_the_next_call_works(
    functions: Session, function: str, outcome: str, error: str
) -> None:
    answer = call(functions, function)

    assert answer.outcome == outcome
    assert str(answer.error or "").startswith(error)
    assert call(functions, "fine", n=3).value["n"] == 3


def test_an_exception_names_the_line_of_the_notebook(functions: Session) -> None:
    error = call(functions, "raises").error

    assert error is not None
    assert error.line == 'def raises(): raise KeyError("gone")'


def test_an_endless_loop_is_interrupted_and_the_kernel_lives(functions: Session) -> None:
    read(functions, "json")
    answer = call(functions, "loops", timeout_s=1.0)

    assert answer.outcome == "timeout"
    assert 1.0 <= answer.seconds < 30.0
    assert call(functions, "fine", n=4).value["n"] == 4


def test_who_ignores_an_interrupt_is_killed(functions: Session) -> None:
    assert call(functions, "ignores", timeout_s=1.0).outcome == "hung"
    assert call(functions, "fine", n=5).value["n"] == 5


def test_twenty_megabytes_of_output_do_not_hide_the_answer(functions: Session) -> None:
    answer = call(functions, "prints")

    assert (answer.outcome, answer.value) == ("ok", 1)


# --- limits and hostile code ------------------------------------------------------------------------------------------------------------


def test_a_kernel_that_takes_too_much_memory_is_killed(isolation: dict[str, Any]) -> None:
    cells = make_cells("held = b'x' * (600 << 20)\nimport time\ntime.sleep(60)", "after = 1")
    with Session(cells, KernelLimits(memory_mib=400), **isolation) as session:
        session.run_cells()

        assert [session.runs[0].outcome, session.runs[1].outcome] == ["memory", "ok"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads another process's limits")
def test_the_broker_s_memory_is_bounded_but_not_its_kernel_s() -> None:
    try:
        level = choose_level("full", hidden=False)
    except IsolationError as error:
        pytest.skip(str(error))
    source = "import resource\ndata = resource.getrlimit(resource.RLIMIT_DATA)[0]"
    others = psutil.Process().children()
    with Session(make_cells(source), KernelLimits(), level=level, view=make_view((), KIT)) as session:
        kernels = read(session, "data")
        broker = next(process for process in psutil.Process().children() if process not in others)
        assert broker.rlimit(psutil.RLIMIT_DATA)[0] == 1024**3 < kernels


def test_without_time_no_kernel_is_started() -> None:
    with Session(make_cells("a = 1"), KernelLimits(submission_timeout_s=0.0)) as session:
        assert call(session, "a").outcome == "no time"
        assert session.runs[0].outcome == "no time"


def test_the_submission_s_time_bounds_every_call() -> None:
    with Session(make_cells(FUNCTIONS), KernelLimits()) as session:
        session.run_cells()
        session._deadline = monotonic() + 1.0

        assert call(session, "loops", timeout_s=600.0).outcome == "timeout"
        assert call(session, "fine", n=1).outcome == "no time"


HOSTILE = """
import builtins, inspect, traceback
inspect.signature = traceback.extract_tb = None
for name in ("sum", "sorted"):
    setattr(builtins, name, None)
class Answers:
    q1 = "fedavg"
"""


def test_what_a_notebook_does_to_the_built_ins_does_not_reach_the_observer(isolation: dict[str, Any]) -> None:
    with Session(make_cells(HOSTILE), KernelLimits(), **isolation) as session:
        answer = session.observe("read_class", {"name": "Answers", "attributes": ["q1"]}, TIMEOUT_S)

    assert answer.value == {"kind": "class", "attributes": {"q1": {"value": "fedavg"}}}
    assert set(answer.tampering) == {"sum of builtins was replaced", "sorted of builtins was replaced"}


FORGED = """
def forge(n):
    kernel = get_ipython().kernel
    kernel.session.send(kernel.shell_stream, 'observe_reply', {'text': '{"value": 7}'}, kernel.get_parent(), ident=kernel._parent_ident['shell'])
    return n
def fine(n):
    return n
"""


def test_an_answer_beside_the_observer_s_own_is_worth_nothing() -> None:
    with Session(make_cells(FORGED), KernelLimits()) as session:
        forged, honest = call(session, "forge", n=1), call(session, "fine", n=1)

    assert (forged.value, forged.error and forged.error.name) == (None, "Tampered")
    assert honest.value == 1


DETOURS = {
    "packing": "session.pack = lambda content: pack(forge(content))",
    "the session's class": "type(session).serialize = lambda self, message, ident=None: "
    "serialize(self, forge(message), ident)",
    "the session itself": "session.serialize = lambda message, ident=None: "
    "serialize(session, forge(message), ident)",
}
DETOUR = """
session = get_ipython().kernel.session
pack, serialize = session.pack, type(session).serialize
def forge(message):
    content = message.get('content', message)
    if content.get('text') == '{"value": 1}':
        content['text'] = '{"value": 7}'
    return message
def fine(n): return n
"""


@pytest.mark.parametrize("detour", DETOURS.values(), ids=DETOURS)
def test_an_answer_that_goes_another_way_is_worth_nothing(detour: str) -> None:
    with Session(make_cells(DETOUR + detour), KernelLimits()) as session:
        answer = call(session, "fine", n=1)

    assert answer.error is not None
    assert answer.error.name == "Tampered"
    assert "what carries answers to the grader was replaced" in session.tampering


PROBE = """
def double(namespace, name, plus):
    return 2 * namespace[name] + plus
"""


def test_probes_are_asked_with_the_notebook_s_globals(isolation: dict[str, Any]) -> None:
    with Session(
        make_cells("n = 4\ndouble = None"), KernelLimits(), probes={"sums": PROBE}, **isolation
    ) as session:
        answer = session.observe("sums.double", {"name": "n", "plus": 1}, TIMEOUT_S)

    assert (answer.outcome, answer.value) == ("ok", 9)


def test_probes_may_import_each_other_and_a_notebook_can_t_import_them(isolation: dict[str, Any]) -> None:
    probes = {"sums": PROBE, "more": f"from probes.sums import double{PROBE.replace('double', 'ask')}"}
    cells = make_cells("import sys\nn = [name for name in sys.modules if name.startswith('probes')]")
    with Session(cells, KernelLimits(), probes=probes, **isolation) as session:
        answer = session.observe("more.ask", {"name": "n", "plus": ["end"]}, TIMEOUT_S)

    assert (answer.outcome, answer.value) == ("ok", ["end"])


def test_a_probe_s_numbers_may_be_infinite() -> None:
    with Session(make_cells("n = float('inf')"), KernelLimits(), probes={"sums": PROBE}) as session:
        answer = session.observe("sums.double", {"name": "n", "plus": 1}, TIMEOUT_S)

    assert answer.value == math.inf


def test_the_environment_reaches_the_kernel(isolation: dict[str, Any]) -> None:
    limits = KernelLimits(environment={"FROM_LIMITS": "1", "BOTH": "limits"})
    cells = make_cells("import os\nseen = [os.environ.get(name) for name in ('FROM_LIMITS', 'BOTH')]")
    with Session(cells, limits, environment={"BOTH": "session"}, **isolation) as session:
        assert read(session, "seen") == ["1", "session"]


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("ok", "it ran to the end"),
        ("timeout", "it was still running after 2 s and was interrupted"),
        ("hung", "it was still running after 2 s, did not react to an interrupt, and was killed"),
        ("memory", "it used more than 512 MiB of memory and was killed"),
        ("no time", "it was not run, because the notebook as a whole had used up its 900 s"),
        ("died", "it ended the whole Python process (by os._exit, exit, a signal or a crash in native code)"),
    ],
)
def test_every_end_reads_as_a_sentence(outcome: str, sentence: str) -> None:
    assert Answer(outcome).describe(KernelLimits(memory_mib=512), 2.0) == sentence


def test_a_limit_is_told_as_the_container_says_it() -> None:
    answer = Answer(
        "limit", error=CodeError("Limit", "The code made 60,000 files; at most 50,000 is allowed.")
    )

    told = "it exceeded a limit and was killed. The code made 60,000 files; at most 50,000 is allowed"
    assert answer.describe(KernelLimits(), 2.0) == told


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_request_that_was_broken_off_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Ctrl-C: the broker ends its kernel and itself, and leaves nothing."""
    with Session(make_cells("a = 1"), KernelLimits()) as session:
        session.run_cells()
        broker = session._broker
        assert broker is not None
        monkeypatch.setattr(broker._lines, "get", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            session._send({"op": "execute", "source": "while True: pass", "timeout_s": 600.0}, 600.0)
        [kernel] = psutil.Process(broker._process.pid).children()
        session.close()

    assert broker._process.returncode == 0
    assert not kernel.is_running()


# --- a kernel that is started before its environment is known ----------------------------------------------------------------------------


def test_a_warm_kernel_has_imported_and_gets_the_rest_of_its_environment_before_any_cell() -> None:
    source = "import os, sys\nplace = os.environ['WHERE']\nwas_imported = 'wave' in sys.modules"
    with Session(make_cells(source), KernelLimits()) as session:
        session.warm_up(["wave", "no_such_module"])
        session.set_environment({"WHERE": "here"})

        assert [read(session, name) for name in ("place", "was_imported")] == ["here", True]


def test_a_kernel_that_replaces_a_warm_one_has_the_same_environment() -> None:
    cells = make_cells("import os\nplace = os.environ['WHERE']", "import os\nos._exit(0)")
    with Session(cells, KernelLimits()) as session:
        session.warm_up([])
        session.set_environment({"WHERE": "here"})

        assert read(session, "place") == "here"


def test_a_warm_kernel_that_nobody_needs_ends() -> None:
    with Session(make_cells("x = 1"), KernelLimits()) as session:
        session.warm_up([])

    assert session.runs == {}
