def noniid_parameter_experiments(
    n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15
) -> dict[str, list[float]]:
    subsets = split(n, False, seed)
    servers = [
        FedSgdServer(0.01, subsets, 0.1, seed),
        FedSgdServer(0.001, subsets, 0.5, seed),
        FedAvgServer(0.01, b, subsets, 0.1, e, seed),
        FedAvgServer(0.001, b, subsets, 0.5, e, seed),
    ]
    names = np.array(["FedSGD Old", "FedSGD New", "FedAvg Old", "FedAvg New"])
    return dict(zip(names, np.array([server.run(nr_rounds).test_accuracy for server in servers])))
