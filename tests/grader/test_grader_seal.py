"""What a notebook can't do to what observes it; each attack in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

PROBE = """
class Meter:
    def twice(self, n):
        return 2 * n

def double(namespace, name):
    return Meter().twice(namespace[name](3))
"""
HONEST = "def f(n): return n"


def run(*cells: str, probe: str = PROBE) -> Any:
    """The answer to a question about `f`, and what shows that it is worth nothing."""
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("sealed.py"))],
        input=json.dumps({"cells": cells, "probe": probe}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


HONEST_CELLS = {
    "plain": HONEST,
    "own print and logging": """
import builtins, logging, traceback, warnings
from collections import namedtuple
shown, log = builtins.print, logging.getLogger()
builtins.print = lambda *a, **k: shown('>', *a, **{**k, 'file': sys.stderr})
import sys
def f(n):
    log.warning('called'), warnings.warn('called')
    try:
        1 / 0
    except ZeroDivisionError:
        traceback.print_exc(), log.exception('failed')
    print(namedtuple('Pair', 'a b')(1, 2))
    return n
""",
    "lists tensors to find a leak": """
import gc
for each in gc.get_objects():
    type(each)
gc.collect()
def f(n): return n
""",
    "imports what is not installed": "def f(n):\n    import noplots\n    noplots.show()\n    return n",
    "looks at its own frames between questions": """
import inspect, sys
name, stack = sys._getframe().f_code.co_name, inspect.stack()
try:
    1 / 0
except ZeroDivisionError as error:
    line = error.__traceback__.tb_frame.f_lineno
def f(n): return n
""",
    "generators that log": """
import logging, traceback, warnings
def shown():
    while True:
        logging.getLogger().warning('deep', stack_info=True), warnings.warn('deep')
        try:
            1 / 0
        except ZeroDivisionError:
            traceback.print_exc()
        yield
own = shown()
next(own)
def f(n):
    next(own)
    return n
""",
    "libraries that look at frames": """
import collections, dataclasses, enum, inspect, logging, typing, warnings
def f(n):
    pair, kind = collections.namedtuple('Pair', 'a b'), enum.Enum('Kind', 'a b')
    typing.NamedTuple('Row', [('a', int)]), typing.TypeVar('T'), dataclasses.make_dataclass('D', ['a'])
    warnings.warn('deep', stacklevel=9), logging.getLogger().warning('deep', stack_info=True, stacklevel=2)
    inspect.signature(f), inspect.getmodule(f)
    return n
""",
    "profiles": """
import cProfile, io, profile, pstats, tracemalloc
tracemalloc.start()
cProfile.Profile().enable()
def f(n):
    own, shown = cProfile.Profile(), io.StringIO()
    own.enable()
    len('counted')
    own.disable()
    pstats.Stats(own, stream=shown).print_stats()
    assert 'built-in method builtins.len' in shown.getvalue()
    with cProfile.Profile() as own:
        profile.Profile().runcall(len, 'passed over')
    tracemalloc.take_snapshot()
    return n
""",
    "follows its own lines": """
import doctest, sys, threading, trace
sys.settrace(lambda *a: None)
def f(n):
    doctest.testmod(), threading.setprofile(print), sys.setprofile(lambda *a: None)
    return trace.Trace(trace=0).runfunc(lambda: n)
""",
    "a table that looks for a variable": """
import pandas as pd
def f(n):
    table, least = pd.DataFrame({'a': [1, 2]}), 2
    assert len(table.query('a >= @least')) == len((lambda: table.query('a == 1'))()) == 1
    return n
""",
    "an alarm": """
import signal
def late(number, frame): raise TimeoutError
before = signal.signal(signal.SIGALRM, late)
assert signal.getsignal(signal.SIGALRM) is late
signal.alarm(9), signal.alarm(0)
def f(n):
    assert signal.signal(signal.SIGALRM, before) is late
    return n
""",
    "replaces how JSON is made": """
import json.encoder
json.encoder.c_make_encoder = json.JSONEncoder = None
def f(n): return n
""",
}


@pytest.mark.parametrize("cell", HONEST_CELLS.values(), ids=HONEST_CELLS)
def test_what_harms_nobody_is_let_alone(cell: str) -> None:
    seen = run(cell)

    assert seen["answer"]["value"] == 6
    assert seen["breaks"] == []
    assert not any("frame" in sign for sign in seen["answer"].get("tampering", ()))


WARNING_PROBE = PROBE.replace("def double", "import warnings\n\ndef double").replace(
    "    return Meter", "    warnings.warn('odd')\n    return Meter"
)


def test_what_python_itself_notes_in_a_module_is_no_change() -> None:
    """A warning leaves a register among the globals of the code that caused it."""
    assert run(HONEST, probe=WARNING_PROBE)["breaks"] == []


FIND = """
import gc, types
def is_observer(value):
    return isinstance(value, types.FunctionType) and value.__globals__.get('__name__') in ('observer', 'seal', 'probes.asked')
"""
UNREACHABLE = {
    "collector's list": f"{FIND}\nfound = [each for each in gc.get_objects() if is_observer(each)]",
    "collector's referrers": f"""{FIND}
found = [each for value in (dict, object, Exception, type(gc)) for each in gc.get_referrers(value)
         if isinstance(each, dict) and each.get('__name__') in ('observer', 'seal', 'probes.asked')]
""",
    "subclasses": """
found = [method for cls in object.__subclasses__() if cls.__module__ in ('observer', 'seal', 'probes.asked')
         for method in vars(cls).values() if hasattr(method, '__globals__')]
""",
    "handler's attributes": """
handler = kernel.shell_handlers['observe_request']
found = [name for name in ('__self__', '__func__', '__wrapped__', '__closure__', '__globals__', '__dict__') if getattr(handler, name, None)]
""",
    "stand-ins for packages": """
import builtins, noplots
found = [each for each in (builtins.__import__.__call__, builtins.__import__._note, type(noplots).__getattr__)
         if hasattr(each, '__globals__')]
""",
    "modules": "import sys\nfound = [name for name in sys.modules if name in ('observer', 'seal') or name.startswith('probes')]",
}


@pytest.mark.parametrize("cell", UNREACHABLE.values(), ids=UNREACHABLE)
def test_nothing_leads_to_the_observer(cell: str) -> None:
    assert run(f"{cell}\ndef f(n): return len(found)")["answer"]["value"] == 0


REFUSED = {
    "frames": "import sys\ndef f(n): return sys._getframe(1).f_lineno",
    "frames by inspect": "import inspect\ndef f(n): return inspect.currentframe().f_back.f_lineno",
    "stack by inspect": "import inspect\ndef f(n): return len(inspect.stack())",
    "frames by logging": "import logging\ndef f(n): return logging.currentframe().f_lineno",
    "frames of an exception": """
def f(n):
    try:
        1 / 0
    except ZeroDivisionError as error:
        return error.__traceback__.tb_frame.f_back.f_lineno
""",
    "frames of a generator": "def g():\n    yield own.gi_frame.f_back.f_lineno\nown = g()\ndef f(n): return next(own)",
    "frames of threads": "import sys\ndef f(n): return len(sys._current_frames())",
    "collector while asked": "import gc\ndef f(n): return len(gc.get_objects())",
    "stack by traceback": """
import traceback
def f(n): return len(traceback.StackSummary.extract(traceback.walk_stack(None), capture_locals=True))
""",
    "variables of callers, by IPython": """
from IPython.core.interactiveshell import InteractiveShell
def f(n): return len([InteractiveShell.get_local_scope(None, depth) for depth in (1, 2, 3)])
""",
    "a library that changes its caller's caller": """
from sympy.utilities.magic import pollute
def f(n): return pollute(['Meter'], [None])
""",
    "another module of signals": """
import sys
def f(n):
    del sys.modules['_signal']
    import _signal
    return n
""",
}
REFUSED_ALWAYS = {
    "what the handler calls": "import gc; gc.get_referents(kernel.shell_handlers['observe_request'])",
    "trace": "import sys; del sys.modules['sys']; import sys; sys.settrace(lambda *a: None)",
    "profile": "import _lsprof; _lsprof.Profiler().enable()",
    "audit": "import sys; sys.addaudithook(lambda *a: None)",
    "memory": "open('/proc/self/mem', 'rb')",
    "stacks of all threads": "import sys; sys._current_frames()",
}


@pytest.mark.parametrize("cell", REFUSED.values(), ids=REFUSED)
def test_who_looks_for_the_observer_while_asked_is_refused_and_noted(cell: str) -> None:
    answer = run(cell)["answer"]

    assert answer["error"]["name"] == "Refused"
    assert any("the notebook used" in sign for sign in answer["tampering"])


@pytest.mark.parametrize("line", REFUSED_ALWAYS.values(), ids=REFUSED_ALWAYS)
def test_what_would_see_every_frame_is_refused_at_once(line: str) -> None:
    tried = (
        f"refused = None\ntry:\n    {line}\nexcept RuntimeError as error:\n    refused = type(error).__name__"
    )

    answer = run(f"{tried}\nimport sys\ndef f(n): return [refused, sys.gettrace(), sys.getprofile()]")[
        "answer"
    ]

    # Python says nothing where a hook is refused.
    assert answer["value"][:3] == ["Refused" if "audit" not in line else None, None, None]
    assert any("the notebook used" in sign for sign in answer["tampering"])


WALK = """
import sys
def find(frame):
    found = []
    while frame is not None:
        found += [name for name in ('observer', 'seal', 'probes.asked') if frame.f_globals['__name__'] == name]
        frame = frame.f_back
    return found
"""


@pytest.mark.parametrize(
    "line", ["lab.__code__ = (lambda n: 1).__code__", "types.FunctionType(lab.__code__, {})"]
)
def test_who_puts_code_into_functions_is_noted(line: str) -> None:
    """So a class that an exercise forbids could be made usable again."""
    answer = run(f"import types\ndef lab(n): return 2\n{line}\n{HONEST}")["answer"]

    assert answer["value"] == 6
    assert any("the notebook used" in sign for sign in answer["tampering"])


HANDED = {
    "a handler of a signal": f"""{WALK}
import signal
def f(n):
    got = []
    signal.signal(signal.SIGUSR1, lambda number, frame: got.extend(find(frame)))
    signal.raise_signal(signal.SIGUSR1)
    return len(got)
""",
    "one in C": f"""{WALK}
import signal
def f(n):
    got = {{}}
    signal.signal(signal.SIGUSR1, got.setdefault)
    signal.raise_signal(signal.SIGUSR1)
    return len(find(got[signal.SIGUSR1]))
""",
    "a trace function": f"""{WALK}
got = []
sys.settrace(lambda frame, *a: got.extend(find(frame)))
def f(n): return len(got)
""",
    "a profile function": f"""{WALK}
got = []
sys.setprofile(lambda frame, *a: got.extend(find(frame)))
def f(n): return len(got)
""",
    "the clock of a profiler": f"""{WALK}
import cProfile
got, own = [], None
def tick():
    try:
        got.extend(find(sys._getframe()))
    except RuntimeError:
        pass
    return 1
own = cProfile.Profile(tick)
own.enable()
def f(n):
    own.enable()
    return len(got)
""",
    "a message that looks who reads it": f"""{WALK}
got = []
class Message(dict):
    def __getitem__(self, key):
        got.extend(find(sys._getframe(1)))
        return super().__getitem__(key)
kernel.shell_handlers['observe_request'](None, b'', Message(content={{'closing': True}}))
def f(n): return len(got)
""",
}


KEPT = {
    "by attribute": "kept.append(own.gi_frame)\nyield",
    "by function": "kept.append(sys._getframe())\nyield",
    "from within": "(lambda: kept.append(sys._getframe()))()\nyield",
    "by inspect": "kept.append(inspect.currentframe())\nyield",
    "of an exception": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    kept.append(error.__traceback__.tb_frame)\nyield",
    "of a library": "yield from heapq.merge([1, 3, 5], [2, 4, 6], key=lambda _: (kept or kept.append(sys._getframe().f_back), look(), 0)[-1])",
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_no_frame_is_kept_that_a_question_could_resume(body: str) -> None:
    cell = f"""{WALK}
import heapq, inspect
kept, found = [], []
def look():
    for frame in kept:
        found.extend(find(frame))
def generate():
{textwrap.indent(body, "    ")}
    while True:
        look()
        yield
own = generate()
try:
    next(own)
except RuntimeError:
    pass
def f(n):
    next(own, None)
    return len(found)
"""
    answer = run(cell)["answer"]

    assert answer["value"] == 0
    assert any("in a generator" in sign for sign in answer["tampering"])


@pytest.mark.parametrize("cell", HANDED.values(), ids=HANDED)
def test_nobody_is_handed_a_frame_of_the_observer(cell: str) -> None:
    assert run(cell)["answer"]["value"] == 0


def test_no_profiler_runs_while_an_answer_is_sent() -> None:
    """Its clock is called at every step, and could change the answer's way after that was looked at."""
    cell = """
import cProfile
ticks = []
class Sent(list):
    def append(self, sent):
        before = len(ticks)
        list()
        super().append({**sent, 'watched': len(ticks) > before})
kernel.session.sent = Sent()
def tick():
    ticks.append(1)
    return len(ticks)
def f(n):
    cProfile.Profile(tick).enable()
    return n
"""
    answer = run(cell)["answer"]

    assert answer == {"value": 6, "watched": False}


@pytest.mark.parametrize("start", ["breakpoint()", "pdb.Pdb().set_trace()", "bdb.Bdb().set_trace()"])
def test_a_debugger_that_was_left_in_is_refused_but_no_sign(start: str) -> None:
    answer = run(f"import bdb, pdb\ndef f(n):\n    {start}\n    return n")["answer"]

    assert "Is a breakpoint() left in?" in answer["error"]["message"]
    assert "tampering" not in answer


UNFREEZE = f"""{FIND}
gc.unfreeze()
named = {{each.__name__: each for each in gc.get_objects() if is_observer(each)}}
{HONEST}
"""
BROKEN = {
    "collector told to list all": UNFREEZE,
    "and to forget it again": f"{UNFREEZE}\ngc.freeze()",
    "another handler": f"handle = kernel.shell_handlers['observe_request']\n"
    f"kernel.shell_handlers['observe_request'] = lambda *a: handle(*a)\n{HONEST}",
    "another global for a probe": f"{UNFREEZE}\nnamed['double'].__globals__['Meter'] = None",
    "other code for a probe": f"{UNFREEZE}\nnamed['double'].__code__ = (lambda space, name: 9).__code__",
    "other defaults for the observer": f"{UNFREEZE}\nnamed['to_plain'].__defaults__ = (1,)",
}


@pytest.mark.parametrize("cell", BROKEN.values(), ids=BROKEN)
def test_an_answer_of_a_changed_observer_is_worth_nothing(cell: str) -> None:
    assert run(cell)["breaks"]


def test_each_change_is_named() -> None:
    assert (
        "a function that observes the submission was changed"
        in run(BROKEN["other code for a probe"])["breaks"]
    )
    bound = "a name that the observer uses was bound to something else"
    assert bound in run(BROKEN["another global for a probe"])["breaks"]
