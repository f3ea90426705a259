class ClientNumberObservations:
    q1, q2, q3 = "neither", "fedavg", "negative"
