"""Puts every part in place, each at the moment when what it watches comes to life."""

from __future__ import annotations

import io
import sys

from . import own_machine, processes, settings
from .imports import AfterImport, AliasFinder
from .recorder import Recorder


def install() -> None:
    """Called once as Python starts, before the script's first line."""
    recorder = Recorder(settings.read())
    processes.install(recorder)
    processes.record_input(recorder)
    processes.record_caught(recorder)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Whole lines, so that those of different ranks do not mix, and none lost when the process is killed.
        sys.stdout.reconfigure(line_buffering=True, write_through=False)

    def alias_used(name: str, module: str) -> None:
        recorder.write("translation", what="import", asked=name, given=module)

    missed: set[str] = set()

    def alias_missed(name: str, module: str) -> None:
        if name not in missed:
            missed.add(name)
            recorder.write("translation", what="name", asked=name[:100], given=module)

    def torch_imported() -> None:
        _install_for_torch(recorder)

    def multiprocessing_imported() -> None:
        processes.record_multiprocessing(recorder)

    sys.meta_path.insert(0, AliasFinder(recorder.settings.alias, alias_used, alias_missed))

    def logging_imported() -> None:
        processes.record_logged(recorder)

    def subprocess_imported() -> None:
        own_machine.replace_pythons(recorder)

    own_machine.pass_over_folders(recorder)
    callbacks = {
        "subprocess": subprocess_imported,
        "torch": torch_imported,
        "multiprocessing.process": multiprocessing_imported,
        "logging": logging_imported,
    }
    sys.meta_path.insert(0, AfterImport(callbacks))


def _install_for_torch(recorder: Recorder) -> None:
    """The parts that need torch, which is only now there."""
    from . import backward, communication, devices, modules, optimizers, rendezvous

    def note_translation(what: str, asked: str) -> None:
        recorder.write("translation", what=what, asked=asked, given="cpu", at=recorder.student_line())

    devices.adapt(note_translation)
    watched = modules.install(recorder)
    backward.install(recorder, watched)
    optimizers.install(recorder, watched)
    rendezvous.install(recorder)
    communication.install(recorder, watched.close_span)
    processes.record_torch_spawn(recorder)
    processes.start_heartbeat(recorder)
