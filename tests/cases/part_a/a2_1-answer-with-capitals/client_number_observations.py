class ClientNumberObservations:
    q1: Literal["fedsgd", "fedavg", "neither"] = "neither"
    q2: Literal["fedsgd", "fedavg"] = "FedAvg"
    q3: Literal["negative", "positive"] = "negative"
