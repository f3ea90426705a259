"""A1: the two servers have the right shape, and agree with the lab's own servers on a few clients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from grader import Submission, fail, is_number, match_tensors

# Both rounds ask the largest client. It has more samples than the usual batch of 100, FedSGD's more than any client of the handout's.
WEIGHT_CLIENTS = {"sizes": [25, 10, 610, 30], "seed": 3}
GRAD_CLIENTS = {"sizes": [25, 10, 130, 30], "seed": 3}
ROUNDS = 2

WEIGHT = "fedsgd_weight"
GRAD = "fedavg_grad"
WEIGHT_ARGUMENTS = {"lr": 0.05, "client_fraction": 0.5, "seed": 7}
GRAD_ARGUMENTS = {"lr": 0.02, "batch_size": 40, "client_fraction": 0.5, "nr_local_epochs": 2, "seed": 7}


def run(
    submission: Submission, tag: str, name: str, arguments: Mapping[str, Any], unusable: str, exercise: str
) -> dict[str, Any]:
    observed = submission.observe(
        tag,
        "servers",
        "run_server",
        {
            "name": name,
            "arguments": dict(arguments),
            "clients": WEIGHT_CLIENTS if tag == WEIGHT else GRAD_CLIENTS,
            "nr_rounds": ROUNDS,
            "unusable": [unusable],
            "exercise": exercise,
            "digest_seed": 1,
        },
        f"{name}(…).run({ROUNDS})",
        on_error={
            "Unfinished": (
                "a server whose self.clients has a client for each of client_subsets, and whose run() trains and returns a RunResult",
                f"write the methods of {name} in the cell tagged {tag!r}; the handout says what they do.",
            )
        },
    )
    return observed if isinstance(observed, dict) else {}


def run_lab(name: str, arguments: Mapping[str, Any], clients: Mapping[str, Any]) -> dict[str, Any]:
    import probes.servers
    from lab_2_hfl import servers

    return probes.servers.run_server(vars(servers), name, arguments, clients, ROUNDS, [], "", 1)


def check_result(observed: dict[str, Any], name: str, tag: str) -> None:
    result = observed.get("result", {})
    if result.get("returned") == "NoneType":
        fail(
            f"run({ROUNDS}) of {name} returns None (is a return missing?).",
            "a RunResult",
            f"fill a RunResult round by round, and return it at the end of run(), in the cell tagged {tag!r}.",
        )
    for field in ("message_count", "test_accuracy", "wall_time"):
        values = result.get(field)
        if (
            not isinstance(values, list)
            or len(values) != ROUNDS
            or not all(is_number(value) and math.isfinite(value) for value in values)
        ):
            fail(
                f"run({ROUNDS}) of {name} gives a RunResult whose {field} is {values!r:.80}.",
                f"a RunResult whose {field} has {ROUNDS} finite numbers, one a round",
                f"append to {field} in every round, and return the RunResult, in the cell tagged {tag!r}.",
            )


@pytest.mark.exercise("A1.1")
def test_fedsgd_weight_agrees(submission: Submission) -> None:
    """FedSGD with weights agrees with FedSGD with gradients."""
    observed = run(submission, WEIGHT, "FedSgdWeightServer", WEIGHT_ARGUMENTS, "FedSgdServer", "A1.1")
    check_result(observed, "FedSgdWeightServer", WEIGHT)
    expected = run_lab("FedSgdServer", WEIGHT_ARGUMENTS, WEIGHT_CLIENTS)
    start = expected["calls"][0]["received"]
    if not match_tensors(observed.get("weights"), expected["weights"], start):
        fail(
            f"After {ROUNDS} rounds the model of FedSgdWeightServer has other weights than that of FedSgdServer with the same arguments.",
            "the same weights, up to rounding: the same algorithm, only with other messages",
            "think of what a client of FedSGD does in a round; check batch size, number of local epochs, weighting by samples, and seeds.",
        )


@pytest.mark.exercise("A1.2")
@pytest.mark.parametrize("name", ["fed_sgd_grad_unequal_weight_bs", "fed_sgd_grad_unequal_weight_e"])
def test_unequal_values_are_given(submission: Submission, name: str) -> None:
    """A value is given for which the two differ."""
    value = submission.read_value("fedsgd_diff", name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        fail(
            f"{name} is {value!r}.",
            "a whole number of at least 1",
            "assign a number to it in the cell tagged 'fedsgd_diff'.",
        )


@pytest.mark.exercise("A1.2")
def test_explanation_is_written(submission: Submission) -> None:
    """The explanation is written."""
    text = submission.read_text("fedsgd_explanation")
    if text is None:
        fail(
            "No cell has the tag 'fedsgd_explanation'.",
            "the text cell of the handout with your explanation",
            "give the cell with your explanation this tag.",
        )
    if len(text.split()) < 15:
        fail(
            f"The explanation is {len(text.split())} words long.",
            "a few sentences that say why the two differ",
            "write it in the cell tagged 'fedsgd_explanation'; a person will read it.",
        )


@pytest.mark.exercise("A1.3")
def test_fedavg_grad_is_built_as_asked(submission: Submission) -> None:
    """FedAvg with pseudo-gradients is a DecentralizedServer with a client of its own."""
    found = submission.observe(
        GRAD, "servers", "describe_class", {"name": "FedAvgGradServer"}, "FedAvgGradServer"
    )
    if "DecentralizedServer" not in found.get("bases", []) or "FedAvgServer" in found.get("bases", []):
        fail(
            f"FedAvgGradServer derives from {', '.join(found.get('bases', [])) or 'none of the servers'}.",
            "a class that derives from DecentralizedServer, and not from FedAvgServer",
            "keep the handout's `class FedAvgGradServer(DecentralizedServer)`.",
        )
    if "PseudoGradClient" not in found.get("nested_clients", []):
        fail(
            "FedAvgGradServer has no nested class PseudoGradClient that derives from Client.",
            "the class PseudoGradClient(Client) inside FedAvgGradServer",
            "keep the handout's nested class and fill in its methods.",
        )


@pytest.mark.exercise("A1.3")
def test_fedavg_grad_agrees(submission: Submission) -> None:
    """FedAvg with pseudo-gradients agrees with FedAvg with weights."""
    observed = run(submission, GRAD, "FedAvgGradServer", GRAD_ARGUMENTS, "FedAvgServer", "A1.3")
    check_result(observed, "FedAvgGradServer", GRAD)
    expected = run_lab("FedAvgServer", GRAD_ARGUMENTS, GRAD_CLIENTS)
    start = expected["calls"][0]["received"]
    if not match_tensors(observed.get("weights"), expected["weights"], start):
        fail(
            f"After {ROUNDS} rounds the model of FedAvgGradServer has other weights than that of FedAvgServer with the same arguments.",
            "the same weights: old weights minus the mean of (old - new) is the mean of the new ones",
            "check the sign of the update, the weights by sample counts, the clients' seeds, and the one draw of clients a round.",
        )
