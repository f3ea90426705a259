from functools import lru_cache


@lru_cache(maxsize=None)
def cached_split(n, iid, seed):
    return split(n, iid, seed)


@lru_cache(maxsize=None)
def cached_run(algorithm, n, c, iid, b, e, lr, seed, nr_rounds):
    subsets = cached_split(n, iid, seed)
    if algorithm == "FedSGD":
        return FedSgdServer(lr, subsets, c, seed).run(nr_rounds)
    return FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds)
