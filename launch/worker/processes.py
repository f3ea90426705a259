"""The life of a process: start, exceptions, end, and a heartbeat that says what each thread does."""

from __future__ import annotations

import _thread
import atexit
import builtins
import contextlib
import faulthandler
import functools
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from .recorder import TEXT_LIMIT, Recorder, forked

HEARTBEAT_S = 0.5
LONG_SLEEP_S = 0.5
WAIT_FOR_CHILDREN_S = 0.2
SEEN = "_launch_seen"  # marks an exception that has been counted
CAUGHT_LIMIT = 200  # different exceptions, by type and line
# A thread whose innermost Python code lies in one of these waits for another thread or process.
WAITING_MODULES = (
    "threading",
    "queue",
    "selectors",
    "popen_fork",
    "popen_spawn_posix",
    "connection",
    "synchronize",
)


def install(recorder: Recorder) -> None:
    """Record this process from here to its end."""
    _record_start(recorder, forked_child=False)
    _record_exceptions(recorder)
    _record_end(recorder)
    _record_sleep(recorder)
    forked(lambda: _restart(recorder))


def _restart(recorder: Recorder) -> None:
    beating = recorder.beating
    recorder.reopen_after_fork()
    _record_start(recorder, forked_child=True)
    if beating:
        start_heartbeat(recorder)


def _record_start(recorder: Recorder, *, forked_child: bool) -> None:
    recorder.thread()
    recorder.beating = False
    recorder.write(
        "process",
        pid=os.getpid(),
        parent=os.getppid(),
        arguments=[argument[:500] for argument in sys.orig_argv[:20]],
        forked=forked_child,
        rank=_announced_rank(),
    )
    # Left open for as long as the process lives: the place where a segmentation fault writes its traceback.
    faults = os.open(
        recorder.settings.events / f"{recorder.name}.fault", os.O_WRONLY | os.O_CREAT | os.O_EXCL
    )
    faulthandler.enable(faults)


def _announced_rank() -> int | None:
    """The rank as it shows before the process group exists: RANK, else a last argument that is a number."""
    for text in (os.environ.get("RANK"), sys.orig_argv[-1]):
        if text is not None and text.isdecimal() and len(text) < 5:
            return int(text)
    return None


def record_exception(recorder: Recorder, error: BaseException, *, fatal: bool) -> None:
    """Write an exception with its traceback and the student's line where it left the script's own code."""
    text = "".join(_without_wrappers(error).format())
    recorder.write(
        "exception",
        type=type(error).__name__,
        message=str(error)[:TEXT_LIMIT],
        traceback=text if len(text) <= TEXT_LIMIT else f"…\n{text[-TEXT_LIMIT:]}",
        at=_line_of(recorder, error.__traceback__),
        thread=recorder.thread(),
        fatal=fatal,
    )


def _without_wrappers(error: BaseException) -> traceback.TracebackException:
    """The traceback without this package's own frames, which would only puzzle its reader."""
    here = str(Path(__file__).resolve().parent)
    result = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = result
    for _ in range(100):  # an exception, what it came from, and so on
        if part is None:
            break
        part.stack = traceback.StackSummary.from_list(
            [frame for frame in part.stack if not frame.filename.startswith(here)]
        )
        part = part.__cause__ or part.__context__
    return result


def _line_of(recorder: Recorder, step: TracebackType | None) -> list[Any] | None:
    found = None
    while step is not None:
        name = recorder.source_name(step.tb_frame.f_code.co_filename)
        if name is not None and not name.startswith("/"):
            found = [name, step.tb_lineno, step.tb_frame.f_code.co_name]
        step = step.tb_next
    return found


def _record_exceptions(recorder: Recorder) -> None:
    hook, thread_hook = sys.excepthook, threading.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        with recorder.guard("recording an exception"):
            record_exception(recorder, error, fatal=True)
        hook(kind, error, trace)

    def threading_excepthook(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            with recorder.guard("recording an exception"):
                record_exception(recorder, arguments.exc_value, fatal=False)
        thread_hook(arguments)

    sys.excepthook = excepthook
    threading.excepthook = threading_excepthook


def record_caught(recorder: Recorder) -> None:
    """What is printed or logged while an exception is handled, the script has caught: often it then goes on as if nothing were."""

    def look() -> None:
        error = sys.exc_info()[1]
        if error is not None:
            count_caught(recorder, error, error.__traceback__)

    builtins.print = _after(look, builtins.print, recorder)
    recorder.look_at_caught = look


def count_caught(
    recorder: Recorder, error: BaseException, trace: TracebackType | None, *, silent: bool | None = None
) -> None:
    """Write an exception that the script survives, unless it was counted before; of one line the first, the second, the fourth, and so on."""
    if SEEN in error.__dict__:
        return
    error.__dict__[SEEN] = True
    at, counts = _line_of(recorder, trace), recorder.caught
    key = (type(error).__name__, str(at))
    count = counts[key] = counts.get(key, 0) + 1
    if at is not None and not count & (count - 1) and len(counts) < CAUGHT_LIMIT:
        message = str(error)[:TEXT_LIMIT]
        recorder.write(
            "caught", type=type(error).__name__, message=message, count=count, silent=silent, at=at
        )


def record_logged(recorder: Recorder) -> None:
    """The same of what is logged; called once that module is imported."""
    logger = sys.modules["logging"].Logger
    logger.handle = _after(recorder.look_at_caught, logger.handle, recorder)


def _after(look: Callable[[], None], function: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    @functools.wraps(function)
    def looking(*args: Any, **kwargs: Any) -> Any:
        with recorder.guard("recording an exception"):
            look()
        return function(*args, **kwargs)

    return looking


def recording_exceptions(recorder: Recorder, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, for a child process whose exceptions the interpreter's own hook never sees."""

    @functools.wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            with recorder.guard("recording an exception"):
                record_exception(recorder, error, fatal=True)
            raise

    return recorded


def record_multiprocessing(recorder: Recorder) -> None:
    """Children of `multiprocessing` report exceptions on their own; called once that module is imported."""
    process = sys.modules["multiprocessing.process"]
    process.BaseProcess.run = recording_exceptions(recorder, process.BaseProcess.run)


def record_torch_spawn(recorder: Recorder) -> None:
    """`torch.multiprocessing.spawn` catches its children's exceptions before anyone else can see them."""
    spawn = sys.modules.get("torch.multiprocessing.spawn")
    original = getattr(spawn, "_wrap", None)
    if original is None:
        return

    @functools.wraps(original)
    def wrap(function: Callable[..., Any], *args: Any) -> Any:
        return original(recording_exceptions(recorder, function), *args)

    spawn._wrap = wrap  # type: ignore[union-attr]


def _record_end(recorder: Recorder) -> None:
    code: list[Any] = [0]
    sys_exit, os_exit = sys.exit, os._exit

    def exit_recorded(status: Any = None) -> None:
        if status not in (None, 0):
            code[0] = status if isinstance(status, int) else 1
            message = status[:TEXT_LIMIT] if isinstance(status, str) else None
            recorder.write("sys_exit", code=code[0], message=message, at=recorder.student_line())
        sys_exit(status)

    def os_exit_recorded(status: int) -> None:
        recorder.write("exit", code=status)
        os_exit(status)

    recorder.exit_now = os_exit_recorded
    atexit.register(lambda: recorder.write("exit", code=code[0]))
    sys.exit = exit_recorded  # type: ignore[assignment]
    os._exit = os_exit_recorded  # type: ignore[assignment]


def _record_sleep(recorder: Recorder) -> None:
    sleep = time.sleep

    @functools.wraps(sleep)
    def recorded(seconds: float) -> None:
        if not isinstance(seconds, (int, float)) or seconds < LONG_SLEEP_S:
            sleep(seconds)
            return
        call = recorder.next_id()
        recorder.write(
            "call", id=call, op="sleep", thread=recorder.thread(), seconds=seconds, at=recorder.student_line()
        )
        sleep(seconds)
        recorder.write("return", id=call)

    time.sleep = recorded  # type: ignore[assignment]


def record_input(recorder: Recorder) -> None:
    """A script that asks its user is told so in the report: nobody answers.

    One whose ranks run has the time that they need, and is then answered with an empty line: it would end them next.
    """
    original, sleep = builtins.input, getattr(time.sleep, "__wrapped__", time.sleep)

    @functools.wraps(original)
    def recorded(prompt: object = "", /) -> str:
        call = recorder.next_id()
        recorder.write("call", id=call, op="input", thread=recorder.thread(), at=recorder.student_line())
        try:
            if _has_running_children():
                while _has_running_children():
                    sleep(WAIT_FOR_CHILDREN_S)
                return ""
            return original(prompt)
        finally:
            recorder.write("return", id=call)

    builtins.input = recorded


def _has_running_children() -> bool:
    """Whether a process that this one has started is alive and no helper of Python's; False where nothing tells."""
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text(encoding="ascii").split():
            with contextlib.suppress(OSError):
                state = (
                    Path(f"/proc/{child}/stat")
                    .read_text(encoding="utf-8", errors="replace")
                    .rpartition(")")[2]
                )
                arguments = Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8", errors="replace")
                if state.split()[0] != "Z" and "multiprocessing.resource_tracker" not in arguments:
                    return True
    return False


def start_heartbeat(recorder: Recorder) -> None:
    """Twice a second, say how much the process has computed and where each Python thread stands."""
    if recorder.beating:
        return
    recorder.beating = True
    sleep = getattr(time.sleep, "__wrapped__", time.sleep)

    def beat() -> None:
        own = threading.get_ident()
        while recorder.beating:
            sleep(HEARTBEAT_S)
            with recorder.guard("the heartbeat"):
                _beat(recorder, own)

    # A bare thread: `threading.enumerate()` in the script must show no thread that it did not start.
    _thread.start_new_thread(beat, ())


def _beat(recorder: Recorder, own: int) -> None:
    threads = []
    for ident, frame in sys._current_frames().items():
        if ident == own:
            continue
        module = str(frame.f_globals.get("__name__", "")).rpartition(".")[2]
        threads.append(
            {
                "thread": recorder.thread_number(ident),
                "at": recorder.line_of_frame(frame),
                "waiting": module in WAITING_MODULES,
            }
        )
    recorder.write(
        "heartbeat",
        cpu_s=round(time.process_time(), 3),
        threads=threads[:64],
        memory_bytes=_memory_bytes(),
        open_files=_open_files(),
    )


def _memory_bytes() -> int | None:
    """What the process holds in memory; None where the machine does not say (it has no /proc)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not what a script may have replaced
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _open_files() -> int | None:
    """Files and sockets that the process has open; None where the machine does not say."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    except OSError:
        return None
