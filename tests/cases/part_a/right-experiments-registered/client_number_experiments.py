def client_number_experiments(iid: bool = True, seed: int = 10, lr: float = 0.01, c: float = 0.1, b: int = 100, e: int = 1, nr_rounds: int = 10) -> DataFrame:
    rows = []
    for n in (10, 50, 100):
        subsets = split(n, iid, seed)
        for name, make in REGISTRY.items():
            r = make(subsets, c, lr, b, e, seed).run(nr_rounds)
            rows.append([name, n, c, r.message_count[-1], r.test_accuracy[-1]])
    return DataFrame(rows, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
