def client_number_experiments(iid: bool = True, seed: int = 10, lr: float = 0.01, c: float = 0.1, b: int = 100, e: int = 1, nr_rounds: int = 10) -> DataFrame:
    rows = []
    for n in (10, 50, 100):
        rows.append(["FedSGD", n, c, *sgd_last(n, iid, seed, lr, c, nr_rounds)])
        rows.append(["FedAvg", n, c, *avg_last(n, iid, seed, lr, c, b, e, nr_rounds)])
    return DataFrame(rows, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
