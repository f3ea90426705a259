class FedSgdWeightServer(FedAvgServer):
    """FedSGD whose clients send weights: one epoch with one batch of a client's 600 samples."""

    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, 600, client_subsets, client_fraction, 1, seed)
        self.name = "FedSGDWeight"
