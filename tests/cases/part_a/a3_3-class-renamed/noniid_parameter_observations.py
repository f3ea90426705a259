class NonIIDParameterObservations:
    q1: Literal["worse", "better", "similar"] = "better"
    q2: bool = False
