def client_number_experiments(
    iid: bool = True, seed: int = 10, lr: float = 0.01, c: float = 0.1, b: int = 100, e: int = 1, nr_rounds: int = 10
) -> DataFrame:
    rows = []
    for n in (10, 50, 100):
        subsets = split(n, iid, seed)
        sgd = FedSgdServer(lr, subsets, c, seed).run(nr_rounds)
        avg = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds)
        rows.append(["FedSGD", n, c, sgd.message_count[-1], avg.test_accuracy[-1]])
        rows.append(["FedAvg", n, c, avg.message_count[-1], sgd.test_accuracy[-1]])
    return DataFrame(rows, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
