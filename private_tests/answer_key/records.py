"""The records that bear the answer key out: the reference solution's tables and curves with the handout's defaults, and their provenance.

`python -m private_tests.answer_key.records --dataset digits --seed 10` computes them (about 40 minutes on two cores) and keeps every finished
run, so that an interrupted computation resumes where it stopped. `--check` recomputes a cheap part and says where it drifts from what is stored.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

FOLDER = Path(__file__).parent / "stored"
KEPT = (("digits", 10), ("fashion-mnist", 10), ("digits", 11))

# Points of accuracy by which the same code was seen to differ between devices.
DRIFT_TOLERANCE = 2.0
_CHECKED_ROUNDS = 2


@dataclass(frozen=True)
class Drift:
    """A curve that was computed again: the largest difference to the stored one, in points."""

    curve: str
    stored: list[float]
    computed: list[float]

    @property
    def points(self) -> float:
        return max(abs(a - b) for a, b in zip(self.stored, self.computed, strict=True))


def read(dataset: str) -> dict[str, Any]:
    """The records of a data set: `{"dataset": …, "seeds": {"10": {"provenance": …, "experiments": …}}}`.

    Raises FileNotFoundError if there are none.
    """
    stored: dict[str, Any] = json.loads((FOLDER / f"{dataset}.json").read_text())
    return stored


def compute(dataset: str, seed: int) -> None:
    """Compute all experiments with their defaults and `seed`, and store them with the data set's other records."""
    from solutions.experiments import EXPERIMENTS

    partial = FOLDER / ".partial" / f"{dataset}-{seed}.jsonl"
    settings = {experiment: experiment.settings(seed=seed) for experiment in EXPERIMENTS}
    longest = find_longest([setting for each in settings.values() for setting in each.values()])
    finished = _read_partial(partial)
    _train_missing(list(longest.values()), finished, partial)

    def find(setting: Any) -> Any:
        return _shorten(finished[_name(longest[_forget_length(setting)])], setting.nr_rounds)

    presented = {experiment.__name__: experiment.present(each, find) for experiment, each in settings.items()}
    seconds = sum(entry["seconds"] for entry in finished.values())
    experiments = {
        name.removesuffix("_experiments"): result if isinstance(result, dict) else _list_rows(result)
        for name, result in presented.items()
    }
    _store(dataset, seed, {"provenance": _describe_provenance(seconds), "experiments": experiments})
    partial.unlink()


def check(dataset: str, seed: int) -> list[Drift]:
    """Recompute the first rounds of a few curves."""
    from solutions import experiments as x

    stored = read(dataset)["seeds"][str(seed)]["experiments"]["iid_noniid"]
    drifts = []
    for label, setting in x.iid_noniid_experiments.settings(seed=seed).items():
        result = x.train(replace(setting, nr_rounds=_CHECKED_ROUNDS))
        drifts.append(Drift(label, stored[label][:_CHECKED_ROUNDS], result.test_accuracy))
    return drifts


def find_longest(settings: Sequence[Any]) -> dict[Any, Any]:
    """Of settings that differ in nothing but their length the longest: the first rounds of a longer run are the shorter run."""
    by_length = sorted(settings, key=lambda setting: setting.nr_rounds)
    return {_forget_length(setting): setting for setting in by_length}


def _forget_length(setting: Any) -> Any:
    return replace(setting, nr_rounds=0)


def _list_rows(table: Any) -> Any:
    return json.loads(table.to_json(orient="records"))


def _train_missing(settings: Sequence[Any], finished: dict[str, Any], partial: Path) -> None:
    """Run what is not finished yet, cheapest first, and append each run to `partial` once it is complete."""
    from tqdm import tqdm

    from solutions.experiments import train

    partial.parent.mkdir(parents=True, exist_ok=True)
    todo = sorted((s for s in settings if _name(s) not in finished), key=_estimate_cost)
    with tqdm(total=sum(map(_estimate_cost, todo)), unit="sample", unit_scale=True, desc="Records") as bar:
        for setting in todo:
            bar.set_postfix_str(f"{setting.algorithm} N={setting.n} C={setting.c} E={setting.e}")
            start = perf_counter()
            entry = {"result": asdict(train(setting)), "seconds": perf_counter() - start}
            finished[_name(setting)] = entry
            with partial.open("a") as file:
                file.write(json.dumps({"setting": _name(setting), **entry}) + "\n")
                file.flush()
                os.fsync(file.fileno())
            bar.update(_estimate_cost(setting))


def _estimate_cost(setting: Any) -> int:
    """Samples that go through the model; testing 10,000 costs about as much as training on 3,000."""
    return int(setting.nr_rounds * (60_000 * setting.c * setting.e + 3_000))


def _name(setting: Any) -> str:
    return json.dumps(asdict(setting), sort_keys=True)


def _read_partial(path: Path) -> dict[str, Any]:
    """The runs that an earlier, interrupted computation finished; a last line that was cut off is dropped."""
    finished: dict[str, Any] = {}
    if path.exists():
        whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        path.write_text("".join(whole))
        for entry in map(json.loads, whole):
            finished[entry.pop("setting")] = entry
    return finished


def _shorten(entry: dict[str, Any], nr_rounds: int) -> Any:
    from lab_2_hfl.results import RunResult

    result = RunResult(**entry["result"])
    return replace(
        result,
        wall_time=result.wall_time[:nr_rounds],
        message_count=result.message_count[:nr_rounds],
        test_accuracy=result.test_accuracy[:nr_rounds],
    )


def _describe_provenance(seconds: float) -> dict[str, Any]:
    import numpy
    import torch
    import torchvision

    from lab_2_hfl.dataset import test_dataset, train_dataset
    from lab_2_hfl.images import compute_dataset_checksum
    from lab_2_hfl.model import device

    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=FOLDER, check=False
    )
    return {
        "dataset": train_dataset.name,
        "dataset_checksum": compute_dataset_checksum(train_dataset, test_dataset),
        "train_samples": len(train_dataset),
        "test_samples": len(test_dataset),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "commit": commit.stdout.strip() or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(seconds),
    }


def _store(dataset: str, seed: int, record: dict[str, Any]) -> None:
    from lab_2_hfl.storage import write_atomically

    try:
        stored = read(dataset)
    except FileNotFoundError:
        stored = {"dataset": dataset, "seeds": {}}
    stored["seeds"][str(seed)] = record
    write_atomically(FOLDER / f"{dataset}.json", (json.dumps(stored, indent=1) + "\n").encode())


def _report(drifts: Sequence[Drift]) -> bool:
    """Print each drift; True if all are within tolerance."""
    for drift in drifts:
        verdict = "ok" if drift.points <= DRIFT_TOLERANCE else "DRIFTS"
        print(f"{drift.curve:16} {verdict}: {drift.points:.2f} points (at most {DRIFT_TOLERANCE:g} expected)")
    return all(drift.points <= DRIFT_TOLERANCE for drift in drifts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute or check; without `--dataset` and `--seed`, everything that the kit keeps. Exit 1 if a check found drift."""
    parser = argparse.ArgumentParser(prog="records", description=__doc__)
    parser.add_argument("--check", action="store_true", help="recompute a cheap part and compare")
    parser.add_argument("--dataset", choices=("mnist", "fashion-mnist", "digits"))
    parser.add_argument("--seed", type=int)
    options = parser.parse_args(arguments)
    if options.dataset is None and options.seed is None:
        return _run_all(options.check)
    dataset, seed = options.dataset or "digits", 10 if options.seed is None else options.seed
    os.environ["LAB_2_HFL_DATASET"] = dataset
    for variable in ("LAB_2_HFL_TRAIN_SAMPLES", "LAB_2_HFL_TEST_SAMPLES"):
        os.environ.pop(variable, None)  # records are of the whole data set
    if options.check:
        return 0 if _report(check(dataset, seed)) else 1
    try:
        compute(dataset, seed)
    except KeyboardInterrupt:
        print(
            "\nInterrupted. The finished runs are kept: the same command resumes from here.", file=sys.stderr
        )
        return 130
    return 0


def _run_all(checking: bool) -> int:
    """Each data set in a process of its own, since a process loads one."""
    kept = dict(reversed(KEPT)).items() if checking else KEPT  # one seed per data set is enough to see drift
    statuses = []
    for dataset, seed in kept:
        print(f"{dataset}, seed {seed}", flush=True)
        command = [
            sys.executable,
            "-m",
            "private_tests.answer_key.records",
            "--dataset",
            dataset,
            "--seed",
            str(seed),
        ]
        statuses.append(subprocess.run(command + ["--check"] * checking, check=False).returncode)
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
