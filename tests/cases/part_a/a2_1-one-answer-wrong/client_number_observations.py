class ClientNumberObservations:
    q1: Literal["fedsgd", "fedavg", "neither"] = "neither"
    q2: Literal["fedsgd", "fedavg"] = "fedavg"
    q3: Literal["negative", "positive"] = "positive"
