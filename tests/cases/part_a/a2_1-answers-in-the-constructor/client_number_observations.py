class ClientNumberObservations:
    def __init__(self) -> None:
        self.q1 = "neither"
        self.q2 = "fedavg"
        self.q3 = "negative"
