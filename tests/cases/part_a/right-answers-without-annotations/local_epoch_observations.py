class LocalEpochObservations:
    """To be filled in below."""


LocalEpochObservations.q1 = "fedavg"
LocalEpochObservations.q2 = "increase"
LocalEpochObservations.q3 = "decrease"
