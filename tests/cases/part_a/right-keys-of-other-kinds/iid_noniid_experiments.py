class Curves(dict):
    def add(self, name, server, nr_rounds):
        self[name] = server.run(nr_rounds).test_accuracy


def iid_noniid_experiments(
    n: int = 100, seed: int = 10, lr: float = 0.01, b: int = 100, c: float = 0.1, e: int = 1, nr_rounds: int = 15
) -> dict[str, list[float]]:
    curves = Curves()
    for iid, word in ((True, "iid"), (False, "non-iid")):
        subsets = split(n, iid, seed)
        curves.add(f"FedSGD {word}", FedSgdServer(lr, subsets, c, seed), nr_rounds)
        curves.add(f"FedAvg {word}", FedAvgServer(lr, b, subsets, c, e, seed), nr_rounds)
    return curves
