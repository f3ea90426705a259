def iid_noniid_experiments(
    n: int = 100, seed: int = 10, lr: float = 0.01, b: int = 100, c: float = 0.1, e: int = 1, nr_rounds: int = 15
) -> dict[str, list[float]]:
    results = {}
    for iid, word in ((True, "iid"), (False, "non-iid")):
        subsets = split(n, iid, seed)
        results[f"FedSGD {word}"] = FedSgdServer(lr, subsets, c, seed).run(nr_rounds)
        results[f"FedAvg {word}"] = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds)
    return as_row(results)
