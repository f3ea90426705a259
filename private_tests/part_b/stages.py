"""Each rank computes its own stage, and the first ones read batches of the size asked."""

from __future__ import annotations

from collections.abc import Sequence

from grader import Failure, fail
from launch.events import Tokens
from launch.run_report import RankReport
from public_tests.part_b.comparison import Comparison, count_layers
from public_tests.part_b.contract import BATCH_SIZE, STAGES, Contract
from public_tests.part_b.stepping import find_steps_within_batch
from public_tests.part_b.trial import Trial, largest_model, list_lengths

from .finishing import require, require_script


def check_stages(trial: Trial, comparison: Comparison) -> None:
    """Every rank holds one stage of the depth and width asked, and reads batches of the size asked."""
    require_script(trial)
    contract = trial.contract
    require(trial, trial.is_complete)
    for pipeline in trial.pipelines:
        for stage, number in enumerate(pipeline):
            _check_stage(trial, stage, trial.ranks[number])
        _check_heads(contract, comparison)
        _check_batch(trial, pipeline)
        _check_new_data(trial.ranks[pipeline[0]])


def _check_stage(trial: Trial, stage: int, rank: RankReport) -> None:
    contract, model = trial.contract, largest_model(rank)
    require(trial, model is not None or bool(trial.common_steps))
    if model is None:
        fail(
            f"No forward pass of a model was seen on rank {rank.rank}.",
            "one stage of the model on each rank",
            "call the stage of the rank on each micro-batch.",
            "a-rank-without-a-model",
        )
    shapes = [shape for _, shape in model.parameters]
    width = next((shape[0] for shape in shapes if len(shape) == 1), None)
    layers = count_layers(shapes)
    if width != contract.dmodel:
        fail(
            f"Stage {stage} (rank {rank.rank}, {model.name}) has width {width}.",
            f"dmodel={contract.dmodel} in every stage",
            f"build it with dmodel={contract.dmodel}.",
            "another-width",
        )
    if layers != contract.layers_per_stage:
        fail(
            f"Stage {stage} (rank {rank.rank}, {model.name}) has {layers} layer{'s' * (layers != 1)}.",
            f"n_layers={contract.layers_per_stage} in each of the {STAGES} stages, {contract.layers_per_stage * STAGES} layers in all",
            f"build it with n_layers={contract.layers_per_stage}.",
            "another-number-of-layers",
        )


def _check_heads(contract: Contract, comparison: Comparison) -> None:
    if comparison.heads is not None and comparison.heads != contract.num_heads:
        fail(
            f"The attention of the first stage has {comparison.heads} head{'s' * (comparison.heads != 1)}.",
            f"num_heads={contract.num_heads} in every stage",
            f"build the stages with num_heads={contract.num_heads}.",
            "another-number-of-heads",
        )


def _check_batch(trial: Trial, pipeline: Sequence[int]) -> None:
    first = trial.ranks[pipeline[0]]
    require(trial, count_sequences(first) >= BATCH_SIZE or bool(trial.common_steps))
    if wrong := find_wrong_batch(trial, pipeline):
        raise wrong


def _read_first(first: RankReport) -> list[Tokens]:
    """The first stage's tokens of one step, all micro-batches together."""
    return [e for e in first.of(Tokens) if e.step == 1 and e.place in ("input", "embedding")]


def count_sequences(first: RankReport) -> int:
    return len({row for event in _read_first(first) for row in event.rows})


def find_wrong_batch(trial: Trial, pipeline: Sequence[int]) -> Failure | None:
    """A batch of another size than asked."""
    first = trial.ranks[pipeline[0]]
    read, sequences = _read_first(first), count_sequences(first)
    if not read or find_steps_within_batch(trial.ranks):
        return None
    lengths = list_lengths(trial, pipeline)
    if sequences == BATCH_SIZE and lengths == {trial.contract.seq_l}:
        return None
    found = f"{sequences} sequence{'s' * (sequences != 1)} of {', '.join(map(str, sorted(lengths)))} tokens"
    return Failure(
        f"Rank {first.rank} reads {found} in the first step.",
        f"a batch of {BATCH_SIZE} sequences of {trial.contract.seq_l} tokens",
        f"load with batch_size={BATCH_SIZE} and seq_l={trial.contract.seq_l}, and use all of the batch.",
        "a-batch-of-another-size",
    )


def _check_new_data(first: RankReport) -> None:
    """Each step reads other stories than the one before."""
    read = {step: [e.checksum for e in first.of(Tokens) if e.step == step] for step in (1, 2)}
    if read[1] and read[1] == read[2]:
        fail(
            f"Rank {first.rank} reads the same stories in step 2 as in step 1.",
            "the next batch of the stories in each step",
            "make the iterator once, before the loop, and call next() on it in each step.",
            "the-same-stories-in-each-step",
        )
