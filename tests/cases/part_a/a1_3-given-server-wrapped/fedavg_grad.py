class FedAvgGradServer(DecentralizedServer):
    """FedAvg whose clients send pseudo-gradients instead of weights."""

    class PseudoGradClient(Client):
        def __init__(self, client_data: Subset, lr: float, batch_size: int, nr_epochs: int) -> None:
            super().__init__(client_data, batch_size)
            self.optimizer = SGD(self.model.parameters(), lr=lr)
            self.nr_epochs = nr_epochs

        def update(self, in_params: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
            torch.manual_seed(seed)
            with torch.no_grad():
                for p, value in zip(self.model.parameters(), in_params):
                    p.copy_(value)
            for _ in range(self.nr_epochs):
                train_epoch(self.model, self.loader_train, self.optimizer)
            return [old - new.detach() for old, new in zip(in_params, self.model.parameters())]

    def __init__(
        self,
        lr: float,
        batch_size: int,
        client_subsets: list[Subset],
        client_fraction: float,
        nr_local_epochs: int,
        seed: int,
    ) -> None:
        super().__init__(lr, batch_size, client_subsets, client_fraction, seed)
        self.name = "FedAvgGrad"
        self.given = FedAvgServer(lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed)
        self.model = self.given.model
        self.nr_local_epochs = nr_local_epochs
        self.clients = [self.PseudoGradClient(subset, lr, batch_size, nr_local_epochs) for subset in client_subsets]

    def run(self, nr_rounds: int) -> RunResult:
        return self.given.run(nr_rounds)
