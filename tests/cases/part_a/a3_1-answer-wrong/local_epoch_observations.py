class LocalEpochObservations:
    q1: Literal["fedsgd", "fedavg"] = "fedavg"
    q2: Literal["decrease", "increase", "depends"] = "increase"
    q3: Literal["decrease", "increase"] = "increase"
