def run_both(n, c, iid, seed, lr, b, e, nr_rounds):
    subsets = split(n, iid, seed)
    servers = (FedSgdServer(lr, subsets, c, seed), FedAvgServer(lr, b, subsets, c, e, seed))
    return [as_row(server.run(nr_rounds)) for server in servers]


def client_number_experiments(
    iid: bool = True, seed: int = 10, lr: float = 0.01, c: float = 0.1, b: int = 100, e: int = 1, nr_rounds: int = 10
) -> DataFrame:
    rows = []
    for n in (10, 50, 100):
        rows += run_both(n, c, iid, seed, lr, b, e, nr_rounds)
    return DataFrame(rows, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
