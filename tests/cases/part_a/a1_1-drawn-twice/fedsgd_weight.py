class FedSgdWeightServer(FedAvgServer):
    """FedSGD whose clients send weights instead of gradients."""

    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
        self.name = "FedSGDWeight"

    def run(self, nr_rounds: int) -> RunResult:
        result = RunResult(self.name, self.nr_clients, self.client_fraction, -1, 1, self.lr, self.seed)
        wall_time, messages = 0.0, 0
        for nr_round in range(nr_rounds):
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            weights = [p.detach().clone() for p in self.model.parameters()]
            total = sum(self.client_sample_counts[i] for i in chosen)
            new_weights = [torch.zeros_like(p) for p in weights]
            slowest = 0.0
            for i in chosen:
                start = perf_counter()
                sent = self.clients[i].update(weights, self.seed + int(i) + 1 + nr_round * self.nr_clients_per_round)
                slowest = max(slowest, perf_counter() - start)
                share = self.client_sample_counts[i] / total
                for new, part in zip(new_weights, sent):
                    new += share * part
                messages += 2
            with torch.no_grad():
                for p, new in zip(self.model.parameters(), new_weights):
                    p.copy_(new)
            wall_time += slowest
            result.wall_time.append(wall_time)
            result.message_count.append(messages)
            result.test_accuracy.append(self.test())
        return result
