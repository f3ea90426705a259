@dataclass
class ClientFractionObservations:
    q1: str = "fedavg"
    q2: str = "increase"
    q3: str = "fedsgd"


answers = ClientFractionObservations()
