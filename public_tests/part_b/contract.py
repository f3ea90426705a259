"""What the course fixes for B1 and B2: the sizes of a stage, how many ranks there are, and how they are arranged."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LIMITS = Path(__file__).with_name("limits.toml")
STAGES = 3
BATCH_SIZE = 3
MICRO_BATCHES = 3
LEARNING_RATE = 8e-4
OPTIMIZER = "Adam"


@dataclass(frozen=True)
class Contract:
    """One exercise of part B."""

    exercise: str
    shell: str
    script: str
    pipelines: int
    fewest_micro_batches: int
    dmodel: int
    num_heads: int
    layers_per_stage: int
    seq_l: int
    timeout_s: float
    step_timeout_s: float
    thin_step_timeout_s: float

    @property
    def ranks(self) -> int:
        return self.pipelines * STAGES

    def time_limit_s(self, steps: int, *, thin: bool = False) -> float:
        return self.timeout_s + steps * (self.thin_step_timeout_s if thin else self.step_timeout_s)


@cache
def read_contract(exercise: str) -> Contract:
    """The contract of "B1" or "B2", with the sizes of the table of limits.toml that LAB_PART_B names."""
    limits: dict[str, Any] = tomllib.loads(LIMITS.read_text(encoding="utf-8"))
    sizes = limits[os.environ.get("LAB_PART_B", "full")]
    if exercise == "B1":
        return Contract("B1", "b1.sh", "b1.py", pipelines=1, fewest_micro_batches=2, **sizes)
    return Contract("B2", "b2.sh", "b2.py", pipelines=2, fewest_micro_batches=MICRO_BATCHES, **sizes)


def list_contracts() -> list[Contract]:
    return [read_contract(exercise) for exercise in ("B1", "B2")]
