"""Unpacks one archive, in a process of its own with limits on memory, time and disk.

Whatever a hostile archive makes a decompressor do happens here and not in the grader. Orders come as JSON on standard
input; notes and what was counted, or the error, go to standard output as JSON.
"""

from __future__ import annotations

import errno
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .archives import find_reader
from .names import IntakeError
from .sink import IntakeLimits, Sink, Tally

_ROOM_BYTES = 1 << 20


def main() -> None:
    """Unpack as ordered; ends normally even if the archive is refused."""
    orders = json.load(sys.stdin)
    json.dump(_unpack(orders), sys.stdout)


def _unpack(orders: dict[str, Any]) -> dict[str, Any]:
    limits = IntakeLimits(**orders["limits"])
    archive, folder = Path(orders["archive"]), Path(orders["folder"])
    try:
        _limit_process(limits)
        reader = find_reader(archive)
        if reader is None:
            raise IntakeError("It is not an archive that can be read here.")
        sink = Sink(folder, limits, orders["reserved"], Tally(**orders["tally"]), orders["inside"])
        reader(archive, sink, limits)
    except IntakeError as error:
        return {"error": str(error)}
    except (MemoryError, RecursionError):
        return {
            "error": "Unpacking it takes too much memory. Pack it as an ordinary zip file and hand it in again."
        }
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return {
                "machine": "It could not be unpacked: this machine's disk is full. Make room, and grade it again."
            }
        return {"error": f"It cannot be unpacked here: {error.strerror}."}
    return {"notes": sink.notes, "tally": asdict(sink.tally)}


def _limit_process(limits: IntakeLimits) -> None:
    try:
        import resource
    except ImportError:
        return  # Windows has no such limits; the deadline and the count of bytes still apply
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.time_s),
        (resource.RLIMIT_FSIZE, limits.unpacked_bytes + _ROOM_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (most, hard))
        except ValueError:
            continue  # macOS does not let every limit be set


if __name__ == "__main__":
    main()
