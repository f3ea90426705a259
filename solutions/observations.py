"""A2 and A3: what the experiments show. The rules in private_tests derive each answer from the reference curves."""

from typing import Literal


class ClientNumberObservations:
    """A2.1."""

    q1: Literal["fedsgd", "fedavg", "neither"] = "neither"
    q2: Literal["fedsgd", "fedavg"] = "fedavg"
    q3: Literal["negative", "positive"] = "negative"


class ClientFractionObservations:
    """A2.2."""

    q1: Literal["fedsgd", "fedavg"] = "fedavg"
    q2: Literal["increase", "decrease", "neither"] = "increase"
    q3: Literal["fedsgd", "fedavg"] = "fedsgd"


class LocalEpochObservations:
    """A3.1."""

    q1: Literal["fedsgd", "fedavg"] = "fedavg"
    q2: Literal["decrease", "increase", "depends"] = "increase"
    q3: Literal["decrease", "increase"] = "decrease"


class IidNonIidObservations:
    """A3.2."""

    q1: Literal["iid", "non-iid"] = "iid"
    q2: bool = False


class NonIidParameterObservations:
    """A3.3."""

    q1: Literal["worse", "better", "similar"] = "better"
    q2: bool = False
