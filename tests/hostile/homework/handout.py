# %% tags=["setup"]

# %% tags=["double"]
def double(n): ...


# %% tags=["squares"]
def squares(count): ...


# %% tags=["answers"]
class Answers:
    q1: str = ...
    q2: bool = ...
