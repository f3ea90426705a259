class FedAvgGradServer(DecentralizedServer):
    class PseudoGradClient(Client):
        def __init__(self, client_data, lr, batch_size, nr_epochs):
            super().__init__(client_data, batch_size)
            self.lr, self.nr_epochs = lr, nr_epochs

        def update(self, in_params, seed):
            torch.manual_seed(seed)
            with torch.no_grad():
                for p, q in zip(self.model.parameters(), in_params):
                    p.copy_(q)
            opt = torch.optim.SGD(self.model.parameters(), lr=self.lr)
            for _ in range(self.nr_epochs):
                train_epoch(self.model, self.loader_train, opt)
            return [q - p.detach() for p, q in zip(self.model.parameters(), in_params)]

    def __init__(self, lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed):
        super().__init__(lr, batch_size, client_subsets, client_fraction, seed)
        self.nr_local_epochs = nr_local_epochs
        self.clients = [self.PseudoGradClient(s, lr, batch_size, nr_local_epochs) for s in client_subsets]

    def run(self, nr_rounds):
        result = RunResult("FedAvgGrad", self.nr_clients, self.client_fraction, self.batch_size, self.nr_local_epochs, self.lr, self.seed)
        import time
        t0 = time.perf_counter()
        for r in range(nr_rounds):
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            params = [p.detach().clone() for p in self.model.parameters()]
            jobs = [(self.clients[i], params, self.seed + int(i) + 1 + r * self.nr_clients_per_round) for i in chosen]
            with ProcessPoolExecutor(2) as pool:
                answers = list(pool.map(ask, jobs))
            total = sum(self.client_sample_counts[i] for i in chosen)
            with torch.no_grad():
                for k, p in enumerate(self.model.parameters()):
                    p.sub_(sum(a[k] * (1 / len(chosen)) for a, i in zip(answers, chosen)))
            result.wall_time.append(time.perf_counter() - t0)
            result.message_count.append(2 * self.nr_clients_per_round * (r + 1))
            result.test_accuracy.append(self.test())
        return result
