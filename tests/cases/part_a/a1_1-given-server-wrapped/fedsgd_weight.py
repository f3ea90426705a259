class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
        self.given = FedSgdServer(lr, client_subsets, client_fraction, seed)
        self.model = self.given.model

    def run(self, nr_rounds: int) -> RunResult:
        return self.given.run(nr_rounds)
