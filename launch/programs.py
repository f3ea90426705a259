"""The programs that a script finds first on its PATH: python in all its names, and what prepares an environment for it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from .worker.preloading import python_command

PYTHONS = ("python", "python3", *(f"python3.{minor}" for minor in range(6, 30)))
RUNNERS = ("conda", "mamba", "micromamba", "poetry", "uv", "pipenv", "pdm", "hatch", "rye", "pixi")
# `clear` has no screen here.
TOOLS = (
    *RUNNERS,
    *("module", "ml", "pyenv", "nvm", "workon", "deactivate", "virtualenv", "pip", "pip3", "clear"),
    *("py", "py.exe", "python.exe", "caffeinate", "taskset"),
    *("xterm", "gnome-terminal", "konsole", "xfce4-terminal"),
)


def write_programs(folder: Path, hook: Path, *, preload: bool) -> None:
    """Put the programs into a folder for the front of PATH.

    Each name of `python` starts the interpreter that runs the launcher, whatever it means on this machine, and
    restores the instrumentation where a script sets PYTHONPATH anew.
    """
    folder.mkdir()
    environment = shlex.quote(str(hook.parent / "environment.sh"))
    python = (
        "#!/bin/sh\n"
        'case "${1-} ${2-}" in\n'
        f'"-m venv" | "-m virtualenv" | "-m ensurepip" | "-m pip") tool=python; . {environment};;\n'
        "esac\n"
        f'[ -z "$LAUNCH_LEFT_OUT" ] || . {shlex.quote(str(hook.parent / "leaving_out.sh"))}\n'
        f"hook={shlex.quote(str(hook))}\n"
        'case ":$PYTHONPATH:" in *":$hook:"*) ;; *) PYTHONPATH="$hook${PYTHONPATH:+:$PYTHONPATH}";; esac\n'
        "export PYTHONPATH\n"
        f"python={shlex.quote(sys.executable)}\n"
        f"{python_command(preload)}\n"
    )
    programs = dict.fromkeys(PYTHONS, python)
    programs |= {tool: f"#!/bin/sh\ntool={tool}\n. {environment}\n" for tool in TOOLS}
    for name, text in programs.items():
        program = folder / name
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
