class ClientFractionObservations:
    q1: Literal["fedsgd", "fedavg"] = "fedavg"
    q2: Literal["increase", "decrease", "neither"] = "neither"
    q3: Literal["fedsgd", "fedavg"] = "fedavg"
