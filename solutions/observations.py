"""A2 and A3: what the experiments show. private_tests/answer_key has a rule for each answer, which derives it from the records."""


class ClientNumberObservations:
    """A2.1."""

    q1 = "neither"
    q2 = "fedavg"
    q3 = "negative"


class ClientFractionObservations:
    """A2.2."""

    q1 = "fedavg"
    q2 = "increase"
    q3 = "fedsgd"


class LocalEpochObservations:
    """A3.1."""

    q1 = "fedavg"
    q2 = "increase"
    q3 = "decrease"


class IidNonIidObservations:
    """A3.2."""

    q1 = "iid"
    q2 = False


class NonIidParameterObservations:
    """A3.3."""

    q1 = "better"
    q2 = False
