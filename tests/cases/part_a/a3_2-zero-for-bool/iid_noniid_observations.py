class IidNonIidObservations:
    q1: Literal["iid", "non-iid"] = "iid"
    q2: bool = 0
