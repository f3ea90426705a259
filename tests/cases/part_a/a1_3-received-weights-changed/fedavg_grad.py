class FedAvgGradServer(DecentralizedServer):
    """FedAvg whose clients send pseudo-gradients instead of weights."""

    class PseudoGradClient(Client):
        def __init__(self, client_data: Subset, lr: float, batch_size: int, nr_epochs: int) -> None:
            super().__init__(client_data, batch_size)
            self.optimizer = SGD(self.model.parameters(), lr=lr)
            self.nr_epochs = nr_epochs

        def update(self, in_params: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
            torch.manual_seed(seed)
            for own, received in zip(self.model.parameters(), in_params):
                own.data = received.data
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
        self.nr_local_epochs = nr_local_epochs
        self.clients = [self.PseudoGradClient(subset, lr, batch_size, nr_local_epochs) for subset in client_subsets]

    def run(self, nr_rounds: int) -> RunResult:
        result = RunResult(
            self.name, self.nr_clients, self.client_fraction, self.batch_size, self.nr_local_epochs, self.lr, self.seed
        )
        wall_time, messages = 0.0, 0
        for nr_round in range(nr_rounds):
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            weights = [p.detach().clone() for p in self.model.parameters()]
            total = sum(self.client_sample_counts[i] for i in chosen)
            step = [torch.zeros_like(p) for p in weights]
            slowest = 0.0
            for i in chosen:
                start = perf_counter()
                sent = self.clients[i].update(weights, self.seed + int(i) + 1 + nr_round * self.nr_clients_per_round)
                slowest = max(slowest, perf_counter() - start)
                share = self.client_sample_counts[i] / total
                for mean, part in zip(step, sent):
                    mean += share * part
                messages += 2
            with torch.no_grad():
                for p, mean in zip(self.model.parameters(), step):
                    p -= mean
            wall_time += slowest
            result.wall_time.append(wall_time)
            result.message_count.append(messages)
            result.test_accuracy.append(self.test())
        return result
