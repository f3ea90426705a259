@dataclass(slots=True)
class ClientFractionObservations:
    q1: Literal["fedsgd", "fedavg"] = "fedavg"
    q2: Literal["increase", "decrease", "neither"] = "increase"
    q3: Literal["fedsgd", "fedavg"] = "fedsgd"
