class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, len(train_dataset), client_subsets, client_fraction, 1, seed)
