def iid_noniid_experiments(
    n: int = 100, seed: int = 10, lr: float = 0.01, b: int = 100, c: float = 0.1, e: int = 1, nr_rounds: int = 15
) -> dict[str, list[float]]:
    sgd_iid, avg_iid = run_both(n, True, seed, lr, b, c, e, nr_rounds)
    sgd_non, avg_non = run_both(n, False, seed, lr, b, c, e, nr_rounds)
    return {
        "FedSGD iid": sgd_iid, "FedSGD non-iid": sgd_non, "FedAvg iid": avg_iid, "FedAvg non-iid": avg_non,
    }
