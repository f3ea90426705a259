"""Settings of the hostile set."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `cases`, `grading`, `targets` and the small homework
