def client_fraction_experiments(n: int = 100, iid: bool = True, seed: int = 10, lr: float = 0.01, b: int = 100, e: int = 1, nr_rounds: int = 10) -> DataFrame:
    rows = []
    for c in (0.01, 0.1, 0.2):
        rows.append(["FedSGD", n, c, *sgd_last(n, iid, seed, lr, c, nr_rounds)])
        rows.append(["FedAvg", n, c, *avg_last(n, iid, seed, lr, c, b, e, nr_rounds)])
    for k in (0.05, 0.3, 0.5): print(k, avg_last(n, iid, seed, lr, k, b, e, nr_rounds))
    return DataFrame(rows, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
