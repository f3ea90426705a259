class FedSgdWeightServer(FedAvgServer):
    """FedSGD whose clients send weights instead of gradients; clients work in processes."""

    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
        self.name = "FedSGDWeight"

    def run(self, nr_rounds):
        result = RunResult(self.name, self.nr_clients, self.client_fraction, -1, 1, self.lr, self.seed)
        import time
        t0 = time.perf_counter()
        for r in range(nr_rounds):
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            params = [p.detach().clone() for p in self.model.parameters()]
            jobs = [(self.clients[i], params, self.seed + int(i) + 1 + r * self.nr_clients_per_round) for i in chosen]
            with tmp.get_context("fork").Pool(2) as pool:
                answers = pool.map(ask, jobs)
            total = sum(self.client_sample_counts[i] for i in chosen)
            with torch.no_grad():
                for k, p in enumerate(self.model.parameters()):
                    p.copy_(sum(a[k] * (self.client_sample_counts[i] / total) for a, i in zip(answers, chosen)))
            result.wall_time.append(time.perf_counter() - t0)
            result.message_count.append(2 * self.nr_clients_per_round * (r + 1))
            result.test_accuracy.append(self.test())
        return result
