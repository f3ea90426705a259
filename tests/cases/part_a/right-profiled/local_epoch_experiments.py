@profiled
def local_epoch_experiments(
    n: int = 100, iid: bool = True, seed: int = 10, lr: float = 0.01, b: int = 100, c: float = 0.1, nr_rounds: int = 10
) -> dict[str, list[float]]:
    subsets = split(n, iid, seed)
    t = time.perf_counter()
    curves = {}
    %time curves["FedSGD E=1"] = FedSgdServer(lr, subsets, c, seed).run(nr_rounds).test_accuracy
    for e in (1, 2, 4):
        curves[f"FedAvg E={e}"] = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds).test_accuracy
    print(tracemalloc.take_snapshot().statistics("lineno")[:3], time.perf_counter() - t)
    return curves
