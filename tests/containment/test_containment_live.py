"""What a contained program can and cannot do: a few lines of Python each, in every kind of container."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from kinds import END_TIMEOUT_S, Kind

from grader.containment import Container, Level, Limits, View
from grader.containment.limits import MIB

Find = Callable[[str], list[int]]
# Tries something, and prints what came of it in one word.
TRY = """
import os, sys
def attempt():
{body}
try:
    answer = attempt()
except OSError as error:
    print("refused", error.errno)
else:
    print("done", answer)
"""
DEVOUR = "held = []\nwhile True: held.append(bytearray(b'x' * (1 << 20)))"


def attempt(body: str) -> str:
    return TRY.format(body=textwrap.indent(textwrap.dedent(body), "    "))


class TestSecrets:
    def test_file_outside_cannot_be_read(self, kind: Kind, tmp_path: Path) -> None:
        secret = tmp_path / "key.txt"
        secret.write_text("the answer")
        secret.chmod(0o644)
        assert kind.run(attempt(f"return open({str(secret)!r}).read()")).output.startswith("refused")

    def test_readable_folder_is_shown_without_its_hidden_part(self, kind: Kind, open_path: Path) -> None:
        (open_path / "lab").mkdir()
        (open_path / "lab" / "model.py").write_text("model")
        (open_path / "solutions").mkdir()
        (open_path / "solutions" / "key.py").write_text("the answer")
        view = View((open_path,), (open_path / "solutions",))
        program = attempt(f"return open({str(open_path)!r} + '/lab/model.py').read()")
        assert kind.run(program, view=view).output == "done model"
        program = attempt(f"return open({str(open_path)!r} + '/solutions/key.py').read()")
        assert kind.run(program, view=view).output.startswith("refused")

    def test_environment_is_not_inherited(self, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GRADER_SECRET", "the answer")
        outcome = kind.run("import os; print(sorted(os.environ))", environment={"GIVEN": "1"})
        assert "GIVEN" in outcome.output
        assert "GRADER_SECRET" not in outcome.output

    def test_descriptors_are_not_inherited(self, kind: Kind, tmp_path: Path) -> None:
        with (tmp_path / "key.txt").open("w") as secret:
            os.set_inheritable(secret.fileno(), True)
            program = "import os\nfor n in range(3, 100):\n try: os.fstat(n); print(n)\n except OSError: pass"
            assert kind.run(program).output == ""

    def test_descriptor_that_is_passed_arrives(self, kind: Kind) -> None:
        reading, writing = os.pipe()
        with kind.start(f"import os; os.write({writing}, b'event')", pass_fds=[writing]) as process:
            process.wait(END_TIMEOUT_S)
        assert os.read(reading, 100) == b"event"
        os.close(reading)
        os.close(writing)

    def test_other_processes_cannot_be_seen(self, kind: Kind) -> None:
        listed = kind.run(
            attempt("return [n for n in os.listdir('/proc') if n.isdigit() and int(n) > 2]")
        ).output
        assert listed.startswith("refused") or listed == "done []"

    def test_grader_cannot_be_signalled(self, kind: Kind) -> None:
        assert kind.run(attempt(f"return os.kill({os.getpid()}, 0)")).output.startswith("refused")

    def test_own_system_calls_are_filtered(self, kind: Kind) -> None:
        program = (
            "import ctypes; print(ctypes.CDLL(None, use_errno=True).ptrace(0, 0, 0, 0), ctypes.get_errno())"
        )
        assert kind.run(program).output == "-1 1"


class TestMachine:
    @pytest.mark.parametrize("place", ["/usr/x", "/etc/x", "/dev/x", "/x", "/proc/sys/kernel/core_pattern"])
    def test_nothing_outside_the_private_folders_can_be_written(self, kind: Kind, place: str) -> None:
        assert kind.run(attempt(f"return open({place!r}, 'w')")).output.startswith("refused")

    def test_readable_folder_cannot_be_written(self, kind: Kind, open_path: Path) -> None:
        open_path.chmod(0o777)
        program = attempt(f"return open({str(open_path)!r} + '/x', 'w')")
        assert kind.run(program, view=View((open_path,))).output.startswith("refused")

    def test_scratch_and_temporary_folder_can_be_written(self, kind: Kind) -> None:
        program = (
            "import tempfile\nopen('x', 'w').write('a')\ntempfile.TemporaryFile().write(b'a')\nprint('done')"
        )
        assert kind.run(program).output == "done"

    def test_network_is_its_own_loopback(self, namespaced: Kind) -> None:
        program = """
            import socket
            server = socket.create_server(("127.0.0.1", 0))
            socket.create_connection(server.getsockname())
            return socket.if_nameindex()
        """
        assert namespaced.run(attempt(program)).output == "done [(1, 'lo')]"

    def test_without_a_network_of_its_own_there_are_no_network_sockets(self, kind: Kind) -> None:
        if kind.has_namespaces:
            pytest.skip("this kind of container has a network of its own")
        assert kind.run(attempt("import socket; return socket.socket()")).output.startswith("refused")

    def test_servers_of_this_machine_cannot_be_reached(self, kind: Kind) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            program = f"import socket; return socket.create_connection({server.getsockname()!r}, timeout=5)"
            assert kind.run(attempt(program)).output.startswith("refused")

    def test_daemon_that_left_its_session_ends_with_the_command(
        self, kind: Kind, find_processes: Find
    ) -> None:
        mark = f"daemon-{os.urandom(8).hex()}"
        program = f"""
            import subprocess, sys
            line = [sys.executable, "-c", "import time; time.sleep(600)", {mark!r}]
            subprocess.Popen(line, start_new_session=True)
        """
        with kind.start(textwrap.dedent(program)) as process:
            assert process.wait(END_TIMEOUT_S) == 0
            assert find_processes(mark) == []

    def test_nothing_stays_on_the_disk(
        self, kind: Kind, monkeypatch: pytest.MonkeyPatch, open_path: Path
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(open_path))
        kind.run("import os; os.makedirs('a/b'); os.chmod('a', 0)")
        assert list(open_path.iterdir()) == []


class TestLimits:
    def test_memory_of_one_process(self, kind: Kind) -> None:
        outcome = kind.run(DEVOUR, limits=Limits(resident_bytes=80 * MIB))
        assert outcome.breach is not None
        assert outcome.breach.limit == "resident_bytes"

    def test_memory_of_many_processes(self, kind: Kind) -> None:
        program = "import os, time\nfor _ in range(8):\n  if os.fork() == 0: break\n"
        program += "x = b'x' * (15 << 20)\ntime.sleep(600)"
        outcome = kind.run(program, limits=Limits(resident_bytes=100 * MIB))
        assert outcome.breach is not None
        assert outcome.breach.limit == "resident_bytes"

    def test_files_in_memory_count_as_memory(self, namespaced: Kind) -> None:
        program = "import time\nopen('/dev/shm/x', 'wb').write(b'x' * (60 << 20))\ntime.sleep(600)"
        outcome = namespaced.run(program, limits=Limits(resident_bytes=50 * MIB))
        assert outcome.breach is not None
        assert outcome.breach.limit == "resident_bytes"

    @pytest.mark.parametrize("place", [".", "/tmp", "/dev/shm"], ids=["scratch", "tmp", "shm"])
    def test_private_folders_are_bounded(self, namespaced: Kind, place: str) -> None:
        limits = Limits(scratch_bytes=4 * MIB, tmp_bytes=4 * MIB)
        program = attempt(f"return open({place!r} + '/x', 'wb', 0).write(b'x' * (5 << 20)) < (5 << 20)")
        assert namespaced.run(program, limits=limits).output == "done True"

    def test_size_of_a_file(self, kind: Kind) -> None:
        program = attempt("f = open('x', 'wb', 0); f.write(b'x' * (1 << 20)); return f.write(b'x')")
        assert kind.run(program, limits=Limits(file_bytes=MIB)).output == "refused 27"

    def test_number_of_files(self, full: Kind) -> None:
        program = "import time\nfor n in range(300): open(f'{n}', 'w')\ntime.sleep(600)"
        outcome = full.run(program, limits=Limits(files=200))
        assert outcome.breach is not None
        assert outcome.breach.limit == "files"

    def test_fork_bomb(self, kind: Kind) -> None:
        program = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
        outcome = kind.run(program, limits=Limits(processes=20, cpu_s=3))
        assert outcome.breach is not None
        assert outcome.breach.limit in {"processes", "cpu_s"}

    def test_processor_time(self, kind: Kind) -> None:
        outcome = kind.run("while True: pass", limits=Limits(cpu_s=1))
        assert outcome.breach is not None
        assert outcome.breach.limit == "cpu_s"

    def test_open_files(self, kind: Kind) -> None:
        program = attempt("held = [open('/dev/null') for _ in range(100)]")
        assert kind.run(program, limits=Limits(open_files=50)).output == "refused 24"

    def test_limits_cannot_be_raised(self, kind: Kind) -> None:
        program = "import resource as r\ntry: r.setrlimit(r.RLIMIT_NOFILE, (4096, 4096))\n"
        program += "except ValueError: print('no')"
        assert kind.run(program).output == "no"


class TestProcess:
    @pytest.mark.parametrize(
        ("program", "status"),
        [("", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 11)", 139)],
        ids=["end", "exit", "segfault"],
    )
    def test_status_follows_the_shell(self, kind: Kind, program: str, status: int) -> None:
        assert kind.run(program).status == status

    def test_given_file_is_there_and_its_new_content_is_read_after_the_end(self, kind: Kind) -> None:
        with kind.start("open('in/x', 'a').write('b')", files={"in/x": b"a"}) as process:
            assert process.wait(END_TIMEOUT_S) == 0
            assert (process.scratch / "in/x").read_bytes() == b"ab"

    def test_given_file_belongs_to_the_program(self, kind: Kind) -> None:
        program = "import os; os.chmod('in/x', 0o600); os.rename('in/x', 'y'); os.rmdir('in'); print('done')"
        assert kind.run(program, files={"in/x": b"a"}).output == "done"

    def test_there_is_no_input(self, kind: Kind) -> None:
        assert kind.run("import sys; print(repr(sys.stdin.read()))").output == "''"

    def test_program_that_ignores_signals_is_killed(self, kind: Kind) -> None:
        program = "import signal, time\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
        program += "print(1, flush=True)\ntime.sleep(600)"
        with kind.start(program, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.terminate()
            process.kill()
            assert process.wait(END_TIMEOUT_S) == 128 + signal.SIGKILL

    def test_signal_reaches_the_command(self, kind: Kind) -> None:
        program = (
            "import signal, time\nsignal.signal(2, lambda *_: exit(7))\nprint(1, flush=True)\ntime.sleep(600)"
        )
        with kind.start(program, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(END_TIMEOUT_S) == 7

    def test_waiting_can_time_out(self, kind: Kind) -> None:
        with kind.start("import time; time.sleep(600)") as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.01)
            assert process.poll() is None

    def test_command_that_does_not_exist_is_said(self, kind: Kind) -> None:
        container = kind.container()
        with container.start(["/no/such/command"], stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert "No such file" in process.stderr.read().decode()
            assert process.wait(END_TIMEOUT_S) in {1, 127}

    def test_container_outlives_the_thread_that_started_it(self, kind: Kind) -> None:
        started = []
        thread = threading.Thread(target=lambda: started.append(kind.start("import time; time.sleep(600)")))
        thread.start()
        thread.join()
        with started[0] as process, pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)

    def test_no_descriptor_is_left(self, kind: Kind) -> None:
        kind.run("")
        opened = Path("/proc/self/fd")
        before, runs = len(list(opened.iterdir())), 5
        for _ in range(runs):
            kind.run("")
        # A leak adds one per run; threads that other tests left (those of ZeroMQ) open and close a few meanwhile.
        assert len(list(opened.iterdir())) - before < runs

    def test_no_process_is_left_not_even_a_zombie(self, kind: Kind) -> None:
        kind.run("")
        assert psutil.Process().children(recursive=True) == []


def test_grader_that_is_killed_leaves_nothing(kind: Kind, find_processes: Find) -> None:
    mark = f"left-{os.urandom(8).hex()}"
    program = f"""
        import dataclasses, pathlib, sys
        from grader.containment import Container, Level, View, probe
        machine = dataclasses.replace(probe(), namespaces={kind.has_namespaces})
        view = View(tuple(map(pathlib.Path, {[str(path) for path in kind.view.readable]})))
        container = Container(view, level=Level({kind.level.value!r}), machine=machine)
        command = [{kind.python!r}, "-c", "import time; print(1, flush=True); time.sleep(600)", {mark!r}]
        container.start(command, stdout=sys.stdout.buffer).wait()
    """
    grader = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE)
    assert grader.stdout is not None
    grader.stdout.readline()
    assert find_processes(mark) != []
    grader.kill()
    grader.wait()
    gone_by = time.monotonic() + END_TIMEOUT_S
    while find_processes(mark) and time.monotonic() < gone_by:
        psutil.wait_procs(
            [psutil.Process(pid) for pid in find_processes(mark) if psutil.pid_exists(pid)], timeout=0.1
        )
    grader.stdout.close()
    assert find_processes(mark) == []


def test_level_none_runs_and_ends_a_plain_process(find_processes: Find) -> None:
    mark = f"plain-{os.urandom(8).hex()}"
    sleep = "import time; print(1, flush=True); time.sleep(600)"
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}, {mark!r}]).wait()"
    with Container(level=Level.NONE).start(
        [sys.executable, "-c", program], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert find_processes(mark) != []
    assert find_processes(mark) == []


def test_level_none_watches_memory() -> None:
    container = Container(level=Level.NONE, limits=Limits(resident_bytes=100 * MIB))
    with container.start([sys.executable, "-c", DEVOUR]) as process:
        process.wait(END_TIMEOUT_S)
        assert process.breach is not None
        assert process.breach.limit == "resident_bytes"
