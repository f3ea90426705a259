class FedSgdWeightServer(FedAvgServer):
    """FedSGD whose clients send weights: a batch as large as the largest client, and a mean by stacking."""

    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, max(map(len, client_subsets)), client_subsets, client_fraction, 1, seed)
        self.name = "FedSGD (weights)"

    def run(self, nr_rounds: int) -> RunResult:
        elapsed, message_count = 0.0, 0
        wall_time, messages, accuracy = [], [], []
        for nr_round in range(nr_rounds):
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            clients = [self.clients[k] for k in chosen]
            n_k = torch.tensor([self.client_sample_counts[k] for k in chosen], dtype=torch.float32)
            shares = n_k / n_k.sum()
            w = [p.clone().detach() for p in self.model.parameters()]
            sent, seconds = [], []
            for k, client in zip(chosen, clients):
                start = perf_counter()
                sent.append(client.update(w, self.seed + k + 1 + nr_round * self.nr_clients_per_round))
                seconds.append(perf_counter() - start)
            start = perf_counter()
            means = [
                (torch.stack(parts) * shares.view(-1, *[1] * parts[0].dim())).sum(dim=0) for parts in zip(*sent)
            ]
            self.model.load_state_dict(dict(zip(self.model.state_dict(), means)))
            elapsed += max(seconds) + perf_counter() - start
            message_count += 2 * len(chosen)
            wall_time.append(elapsed)
            messages.append(message_count)
            accuracy.append(self.test())
        return RunResult(
            self.name, self.nr_clients, self.client_fraction, -1, 1, self.lr, self.seed, wall_time, messages, accuracy
        )
