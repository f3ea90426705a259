"""Files of the data cache: written whole or not at all, and checked when read."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from platformdirs import user_cache_path


def data_folder() -> Path:
    """Where data sets are kept: `LAB_2_HFL_DATA`, else the user's cache folder."""
    chosen = os.environ.get("LAB_2_HFL_DATA")
    return Path(chosen).expanduser() if chosen else user_cache_path("lab_2_hfl")


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that other processes see the old file or the whole new one, whatever interrupts this one.

    Raises OSError (for example on a full disk) with nothing left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by tempfile, whose files only their owner may read: a class may share one folder.
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:  # Ctrl-C included: a half-written file must not stay
        unfinished.unlink(missing_ok=True)
        raise


def compute_checksum(content: bytes) -> str:
    """SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
