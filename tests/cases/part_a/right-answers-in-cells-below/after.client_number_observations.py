ClientNumberObservations.q1 = "neither"
ClientNumberObservations.q2 = "fedavg"
ClientNumberObservations.q3 = "negative"
