"""A process of its own between the grader and one kernel, so that no message of a kernel can crash the grader.

`python -m grader.broker` reads one JSON request per line from standard input and writes one JSON reply per line to standard output:

    {"op": "start", "folder": …, "environment": {…}, "memory_mib": …, "probes": {name: source},
     "stand_ins": [package, …], "files": {name: path}, "place": …,
     "isolation": "none" | "reduced" | "full", "readable": [path, …], "hidden": [path, …]}
    {"op": "execute", "source": …, "timeout_s": …}
    {"op": "observe", "probe": …, "function": …, "arguments": {…}, "timeout_s": …}

A reply has an `outcome`: `ok`, `error` (an exception of the submission), `timeout` (interrupted; the kernel lives),
`hung` (it had to be killed), `died`, `memory`, or `limit` (another limit of its container). After one of the last four the kernel is gone
and the broker ends; `status` says how a kernel that `died` ended, if that was seen. `tampering` lists signs that the submission tampered
with its grading, `notes` what it asked for that this machine lacks.
nbclient executes the cells.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from . import kernel_packages, kernel_side, seal
from .containment import Level
from .kernel import make_kernel
from .memory_bound import bound_memory

ENDED = ("hung", "died", "memory", "limit")  # outcomes after which the kernel is gone
START_TIMEOUT_S = 240.0  # a machine may be busy with other gradings
_INTERRUPT_GRACE_S = 3.0
_WATCH_INTERVAL_S = 0.1
_MAX_OUTPUT_CHARACTERS = 20_000
_MAX_REPLY_CHARACTERS = 32 * 1024 * 1024
_MAX_SIGNS = 20
_MAX_NOTES = 50
_DRAINED_AT_ONCE = 1000
_MEMORY_BYTES = 1024**3  # of this process: messages that wait, and what they are turned into
OVERRUN = "It sent more output or a larger result at once than grading takes in. Print and return less."

Reply = dict[str, Any]

_CLOSING_TIMEOUT_S = 10.0
_NOT_OPEN = "the kernel answered a question that was not open"
# Each module has built-ins of its own, which a notebook can't replace.
_INSTALL = """
(lambda new: (
    lambda seal, packages, observer: observer['install'](get_ipython(), seal['Seal'](), packages, {stand_ins!r}, {place!r})
)(new('seal', {}), new('packages', {}), new('observer', {})))(
    lambda name, source: (
        lambda names: (exec(compile(source, f'<{{name}}>', 'exec', dont_inherit=True), names), names)[1]
    )({{'__name__': name, '__builtins__': dict(vars(__import__('builtins')))}})
)
"""

# How the message of a syntax error ends; the name of a cell's file is a number, which tells a student nothing.
_CELL_FILE = re.compile(r"\([^()]*, line (\d+)\)$")
# How IPython's traceback names a line of a cell that raised; that of a syntax error, which has none, is indented.
_CELL_LINE = re.compile(r"^Cell In\[\d+\], line (\d{1,7})", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class _BoundedClient(NotebookClient):
    """Executes cells, and keeps only the first part of what they print."""

    kept_characters = 0

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: Any) -> Any:
        if msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        if self.kept_characters >= _MAX_OUTPUT_CHARACTERS:
            return None
        text = msg["content"].get("text")
        if not isinstance(text, str):
            return None  # pictures and widgets are not graded
        msg["content"]["text"] = text[: _MAX_OUTPUT_CHARACTERS - self.kept_characters]
        self.kept_characters += len(msg["content"]["text"])
        return super().output(outs, msg, display_id, cell_index)


class Broker:
    """One kernel and the means to talk to it."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._kernel = make_kernel(request)
        self._client = _BoundedClient(
            nbformat.v4.new_notebook(),
            km=self._kernel.manager,
            timeout=None,
            allow_errors=True,
            startup_timeout=START_TIMEOUT_S,
            extra_arguments=self._kernel.extra_arguments,
            on_cell_error=self._keep_error,
            on_cell_executed=self._notice_exit,
        )
        self._asked_exit = False
        self._errors: list[dict[str, Any]] = []
        self._probes: dict[str, str] = request["probes"]
        self._stand_ins: list[str] = request["stand_ins"]
        self._place: str = request["place"]
        self._tampering: dict[str, None] = {}
        self._notes: dict[tuple[str, str], None] = {}
        self._is_forged = False

    def _keep_error(self, execute_reply: dict[str, Any], **_: Any) -> None:
        """A cell's exception, from the reply: what is printed may have been cut, and the exception with it."""
        self._errors.append(execute_reply["content"])

    def _notice_exit(self, execute_reply: dict[str, Any], **_: Any) -> None:
        """Whether a cell called exit(): the kernel then ends a little later, which must not be blamed on the next cell."""
        payload = execute_reply["content"].get("payload")
        for part in payload if isinstance(payload, list) else []:
            if isinstance(part, dict) and part.get("source") == "ask_exit" and not part.get("keepkernel"):
                self._asked_exit = True

    async def answer(self, request: dict[str, Any]) -> Reply:
        """The reply to one request."""
        if request["op"] == "start":
            return await self.start()
        if request["op"] == "execute":
            return await self.execute(request["source"], request["timeout_s"])
        return await self.observe(request)

    async def start(self) -> Reply:
        """Start the kernel and install the observer and the probes, before any code of the submission."""
        await self._client.async_start_new_kernel(**self._kernel.start_arguments)
        await self._client.async_start_new_kernel_client()
        self._kernel.watch()
        sources = [
            Path(str(each.__file__)).read_text(encoding="utf-8")
            for each in (seal, kernel_packages, kernel_side)
        ]
        order = _INSTALL.format(*map(repr, sources), stand_ins=self._stand_ins, place=self._place)
        installed = await self.execute(order, START_TIMEOUT_S)
        if installed["outcome"] != "ok":
            return installed
        return await self._ask({"probes": self._probes}, START_TIMEOUT_S)

    async def execute(self, source: str, timeout_s: float) -> Reply:
        """Execute a cell."""
        cell = nbformat.v4.new_code_cell(source)
        self._client.nb.cells = [cell]
        self._client.kept_characters = 0
        self._errors.clear()
        reply = await self._with_deadline(
            self._client.async_execute_cell(cell, 0, store_history=False), timeout_s
        )
        output = "".join(part.get("text", "") for part in cell.outputs if part["output_type"] == "stream")
        reply["output"] = output
        reply["output_cut"] = self._client.kept_characters >= _MAX_OUTPUT_CHARACTERS
        if reply["outcome"] == "ok" and self._asked_exit:
            await self.stop()
            reply |= {"outcome": "died", "status": 0}
        for error in self._errors:
            name, message = error.get("ename"), error.get("evalue")
            text = _CELL_FILE.sub(r"(line \1 of the cell)", str(message)[:2_000])
            frames = _find_frames(source, error.get("traceback"))
            reply["error"] = {"name": str(name)[:200], "message": text, "frames": frames}
            if reply["outcome"] == "ok":
                reply["outcome"] = "error"
        return reply

    async def observe(self, request: dict[str, Any]) -> Reply:
        """Ask a probe function."""
        content = {key: request[key] for key in ("probe", "function", "arguments")}
        reply = await self._ask(content, request["timeout_s"])
        return await self._confirm(reply) if reply["outcome"] == "ok" else reply

    async def _confirm(self, reply: Reply) -> Reply:
        """An answer, unless what gave it was tampered with, or the kernel gave another one as well."""
        self._is_forged = False
        closing = await self._ask({kernel_side.CLOSING: True}, _CLOSING_TIMEOUT_S)
        breaks = closing.get("value")
        if self._is_forged:
            breaks = [_NOT_OPEN]
        elif closing["outcome"] != "ok" or not isinstance(breaks, list):
            breaks = ["the kernel did not confirm its answer"]
        if not breaks:
            return reply
        self._note(breaks)
        outcome = closing["outcome"] if closing["outcome"] in ENDED else "error"
        error = {"name": kernel_side.TAMPERED, "message": str(breaks[0])[:200], "frames": []}
        return {
            "outcome": outcome,
            "seconds": reply["seconds"],
            "error": error,
            "tampering": list(self._tampering),
        }

    async def _ask(self, content: dict[str, Any], timeout_s: float) -> Reply:
        client: Any = self._client.kc  # typed as the base class, which lacks the asynchronous methods
        message = client.session.msg(kernel_side.REQUEST, content)
        client.shell_channel.send(message)
        answer: dict[str, Any] = {}
        reply = await self._with_deadline(self._receive(message["header"]["msg_id"], answer), timeout_s)
        if "error" in answer:
            reply["error"] = answer["error"]
            if reply["outcome"] == "ok":
                reply["outcome"] = "error"
        elif reply["outcome"] == "ok":
            reply["value"] = answer.get("value")
        self._note(answer.get("tampering", []))
        self._keep_notes(answer.get("notes", []))
        reply["tampering"], reply["notes"] = list(self._tampering), list(self._notes)
        return reply

    def _keep_notes(self, notes: Any) -> None:
        """Keep the first few, as short texts; whatever is malformed is left out."""
        for pair in notes if isinstance(notes, list) else []:
            if isinstance(pair, list) and len(pair) == 2 and len(self._notes) < _MAX_NOTES:
                self._notes[str(pair[0])[:20], str(pair[1])[:60]] = None

    def _note(self, signs: Any) -> None:
        """Keep the first few signs of tampering, as short text."""
        for sign in signs if isinstance(signs, list) else ["the list of signs was replaced"]:
            if len(self._tampering) < _MAX_SIGNS:
                self._tampering[str(sign)[:200]] = None

    async def _receive(self, message_id: str, answer: dict[str, Any]) -> None:
        """Wait for the reply to `message_id`, and discard what is printed meanwhile."""
        client: Any = self._client.kc  # typed as the base class, which lacks the asynchronous methods
        while True:
            with contextlib.suppress(Empty):
                for _ in range(
                    _DRAINED_AT_ONCE
                ):  # code that prints endlessly must not keep its own answer waiting
                    await client.iopub_channel.get_msg(timeout=0)
            try:
                message = await client.shell_channel.get_msg(timeout=_WATCH_INTERVAL_S)
            except Empty:
                if not await client.is_alive():
                    raise DeadKernelError("Kernel died") from None
                continue
            if message["parent_header"].get("msg_id") == message_id:
                answer.update(_read_answer(message))
                return
            if message["msg_type"] == kernel_side.REPLY:
                self._is_forged = True
                self._note([_NOT_OPEN])

    async def _with_deadline(self, work: Coroutine[Any, Any, Any], timeout_s: float) -> Reply:
        """Do `work`; past its deadline interrupt the kernel, and kill it if it does not respond."""
        start = monotonic()
        task = asyncio.ensure_future(work)
        await asyncio.wait({task}, timeout=timeout_s)
        outcome = "ok"
        if not task.done():
            outcome = "timeout"
            await self._kernel.manager.interrupt_kernel()
            await asyncio.wait({task}, timeout=_INTERRUPT_GRACE_S)
        if not task.done():
            outcome = "hung"
            await self.stop()
            task.cancel()
            await asyncio.wait({task})
        reply: Reply = {"outcome": outcome, "seconds": monotonic() - start}
        if not task.cancelled() and isinstance(task.exception(), DeadKernelError) and outcome != "hung":
            reply["outcome"], sentence = self._kernel.explain_end()
            reply["status"] = self._kernel.read_status()
            if sentence:
                reply["error"] = {"name": "Limit", "message": sentence}
        elif not task.cancelled() and outcome == "ok":
            task.result()
        return reply

    async def stop(self) -> None:
        """Kill the kernel and everything that it started."""
        await self._kernel.stop()


def _find_frames(source: str, traceback: Any) -> list[list[Any]]:
    """Where in its cell an exception arose, as a frame of a traceback; none if the kernel does not say, or names no line of the cell."""
    if not isinstance(traceback, list):
        return []
    first = next(
        (found for part in traceback if (found := _CELL_LINE.search(_COLOUR.sub("", str(part))))), None
    )
    lines = source.lstrip("\n").splitlines()  # IPython does not count empty lines at the top
    number = int(first[1]) if first is not None else 0
    if not 0 < number <= len(lines) or lines[number - 1].startswith("%%"):
        return []
    return [["<ipython>", number, "<module>", lines[number - 1].strip()]]


def _read_answer(message: dict[str, Any]) -> dict[str, Any]:
    """The observer's answer; anything else becomes an error, since the submission may have sent it."""
    text = message["content"].get("text") if isinstance(message["content"], dict) else None
    forged = "the kernel sent a reply that is not an observation"
    tampered = {
        "error": {"name": "ForgedReply", "message": forged, "frames": []},
        "tampering": [forged],
    }
    if not isinstance(text, str) or len(text) > _MAX_REPLY_CHARACTERS:
        return tampered
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return tampered
    if not isinstance(answer, dict) or not answer.keys() & {"value", "error"}:
        return tampered
    return answer


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    serving = asyncio.current_task()
    assert serving is not None
    with contextlib.suppress(NotImplementedError):  # Windows: terminating ends the process there and then
        loop.add_signal_handler(signal.SIGTERM, serving.cancel)
    broker: Broker | None = None
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            request = json.loads(line)
            if broker is None:
                if Level(request["isolation"]) is not Level.NONE:
                    bound_memory(_MEMORY_BYTES)  # a container sets limits of its own
                broker = Broker(request)
            try:
                reply = await broker.answer(request)
            except MemoryError:
                reply = {"outcome": "limit", "error": {"name": "Limit", "message": OVERRUN}}
            except (
                Exception
            ) as error:  # whatever a hostile kernel makes the client libraries raise: this kernel is finished
                reply = {
                    "outcome": "died",
                    "error": {"name": type(error).__name__, "message": str(error)[:2_000]},
                }
            print(json.dumps(reply), flush=True)
            if reply["outcome"] in ENDED:
                return
    finally:
        if broker is not None:
            await broker.stop()


def main() -> None:
    """Serve until standard input ends, or SIGTERM interrupts the request at hand. Ctrl-C is left to the grader."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve())
    os._exit(0)  # a thread may still be waiting for a line of standard input


if __name__ == "__main__":
    main()
