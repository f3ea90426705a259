from enum import StrEnum


class Run(StrEnum):
    SGD = "FedSGD E=1"
    AVG_1 = "FedAvg E=1"
    AVG_2 = "FedAvg E=2"
    AVG_4 = "FedAvg E=4"


def local_epoch_experiments(
    n: int = 100, iid: bool = True, seed: int = 10, lr: float = 0.01, b: int = 100, c: float = 0.1, nr_rounds: int = 10
) -> dict[str, list[float]]:
    subsets = split(n, iid, seed)
    curves = {Run.SGD: FedSgdServer(lr, subsets, c, seed).run(nr_rounds).test_accuracy}
    for run, e in ((Run.AVG_1, 1), (Run.AVG_2, 2), (Run.AVG_4, 4)):
        curves[run] = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds).test_accuracy
    return curves
