class ClientNumberObservations:
    "Q1: Which method has the higher message count (for equal N and C)?"
    q1: Literal["fedsgd", "fedavg", "neither"] = ...

    "Q2: Which method's accuracy is more affected by increasing N?"
    # Clarification: whose final test accuracy changes by more points between N = 10 and N = 100?
    q2: Literal["fedsgd", "fedavg"] = ...

    "Q3: Does increasing N tend to have a negative or a positive impact on accuracy?"
    # Clarification: on the final test accuracy of the method that you named in Q2.
    q3: Literal["negative", "positive"] = ...
