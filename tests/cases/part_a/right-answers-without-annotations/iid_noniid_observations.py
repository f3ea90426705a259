from __future__ import annotations


class IidNonIidObservations:
    q1: Literal[iid, "non-iid"] = "iid"
    q2: bool = not True
