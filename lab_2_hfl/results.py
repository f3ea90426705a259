"""What a run of a server yields, a value for each round."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from pandas import DataFrame

ETA = "\N{GREEK SMALL LETTER ETA}"


@dataclass
class RunResult:
    """A run's parameters, and its curves with one value per round.

    algorithm: the server's name
    n: number of clients; c: fraction of them chosen each round; b: local batch size, -1 for infinity; e: local epochs
    lr: learning rate; seed: the server's seed
    wall_time: seconds from the start to the end of each round, as if a round's clients had run in parallel
    message_count: messages sent since the start, to clients and back
    test_accuracy: in percent, after each round
    """

    algorithm: str
    n: int
    c: float
    b: int
    e: int
    lr: float
    seed: int
    wall_time: list[float] = field(default_factory=list)
    message_count: list[int] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)

    def as_df(self, skip_wtime: bool = True) -> DataFrame:
        """A table with one row per round; `skip_wtime` leaves out the wall time, which no two machines agree on."""
        columns = {name.capitalize().replace("_", " "): value for name, value in asdict(self).items()}
        columns["B"] = "\N{INFINITY}" if self.b == -1 else self.b
        if skip_wtime:
            del columns["Wall time"]
        columns[ETA] = columns.pop("Lr")
        rounds = range(1, len(self.test_accuracy) + 1)
        order = ("Algorithm", "N", "C", "B", "E", ETA, "Seed", "Wall time", "Message count", "Test accuracy")
        return DataFrame({"Round": rounds, **{name: columns[name] for name in order if name in columns}})
