class FedSgdWeightServer(FedAvgServer):
    """FedSGD whose clients send weights: one epoch with batches of the size of a client."""

    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, len(client_subsets[0]), client_subsets, client_fraction, 1, seed)
        self.name = "FedSGDWeight"
