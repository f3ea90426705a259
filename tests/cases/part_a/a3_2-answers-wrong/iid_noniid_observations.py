class IidNonIidObservations:
    q1: Literal["iid", "non-iid"] = "non-iid"
    q2: bool = True
