def iid_noniid_experiments(n=100, seed=10, lr=0.01, b=100, c=0.1, e=1, nr_rounds=15):
    return {
        f"{algorithm} {name}": my_run(algorithm, n, c, iid, b, e, lr, seed, nr_rounds)[1]
        for algorithm in ("FedSGD", "FedAvg")
        for name, iid in (("iid", True), ("non-iid", False))
    }
