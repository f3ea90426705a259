"""Runs a command as an ordinary user, who sees this Python and this repository wherever they lie."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
UID = 48_321
_BECOME = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--"]
# In mounts of its own: keep hold of what is needed, cover the closed folder, put it back in the same place.
_UNCOVER = """
closed=$1; shift
hold=$(mktemp -d)
n=0
for path; do [ "$path" = -- ] && break; n=$((n+1)); mkdir "$hold/$n"; mount --bind "$path" "$hold/$n"; done
mount -t tmpfs -o mode=0755 none "$closed"
n=0
while [ "$1" != -- ]; do n=$((n+1)); mkdir -p "$1"; mount --bind "$hold/$n" "$1"; shift; done
umount "$hold"/*; rm -r "$hold"; shift
exec "$@"
"""


def as_ordinary_user(command: Sequence[str]) -> list[str]:
    """Return the command line by which root runs a command as an ordinary user."""
    needed = [Path(sys.base_prefix), Path(sys.prefix), REPOSITORY]
    closed = {parent for path in needed for parent in path.parents if not parent.stat().st_mode & 0o001}
    if not closed:
        return [*_BECOME, *command]
    outermost, *others = [path for path in closed if not closed & set(path.parents)]
    if others:
        pytest.skip(
            f"an ordinary user can't reach this environment: {outermost} and {others[0]} are closed to others"
        )
    inside = [str(path) for path in needed if path.is_relative_to(outermost)]
    line = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _UNCOVER, "sh", str(outermost)]
    return [*line, *inside, "--", *_BECOME, *command]
