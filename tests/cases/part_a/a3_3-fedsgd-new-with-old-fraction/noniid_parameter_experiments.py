def noniid_parameter_experiments(n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15) -> dict[str, list[float]]:
    subsets = split(n, False, seed)
    return {
        "FedSGD Old": FedSgdServer(0.01, subsets, 0.1, seed).run(nr_rounds).test_accuracy,
        "FedSGD New": FedSgdServer(0.001, subsets, 0.1, seed).run(nr_rounds).test_accuracy,
        "FedAvg Old": FedAvgServer(0.01, b, subsets, 0.1, e, seed).run(nr_rounds).test_accuracy,
        "FedAvg New": FedAvgServer(0.001, b, subsets, 0.5, e, seed).run(nr_rounds).test_accuracy,
    }
