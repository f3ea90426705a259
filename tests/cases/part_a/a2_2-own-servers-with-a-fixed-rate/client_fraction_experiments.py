def client_fraction_experiments(
    n: int = 100, iid: bool = True, seed: int = 10, lr: float = 0.01, b: int = 100, e: int = 1, nr_rounds: int = 10
) -> DataFrame:
    subsets = split(n, iid, seed)
    rows = []
    for c in (0.01, 0.1, 0.2):
        for server in (MyServer("FedSGD", -1, subsets, c, 1, seed), MyServer("FedAvg", b, subsets, c, e, seed)):
            result = server.run(nr_rounds)
            rows.append([server.name, n, c, result.message_count[-1], result.test_accuracy[-1]])
    return DataFrame(rows, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
