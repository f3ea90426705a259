class FedAvgGradServer(DecentralizedServer):
    class PseudoGradClient(Client):
        def __init__(self, client_data, lr, batch_size, nr_epochs):
            super().__init__(client_data, batch_size)
            self.lr, self.nr_epochs = lr, nr_epochs
        def update(self, in_params, seed):
            torch.manual_seed(seed)
            self.model.set_weights(in_params)
            opt = SGD(self.model.parameters(), self.lr)
            for _ in range(self.nr_epochs): train_epoch(self.model, self.loader_train, opt)
            return [a - b for a, b in zip(in_params, self.model.get_weights())]
    def __init__(self, lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed):
        super().__init__(lr, batch_size, client_subsets, client_fraction, seed)
        self.nr_local_epochs = nr_local_epochs
        self.clients = [self.PseudoGradClient(s, lr, batch_size, nr_local_epochs) for s in client_subsets]
    def run(self, nr_rounds):
        res = RunResult("pg", self.nr_clients, self.client_fraction, self.batch_size, self.nr_local_epochs, self.lr, self.seed)
        t = 0
        for r in range(nr_rounds):
            ch = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            w = self.model.get_weights(); tot = sum(self.client_sample_counts[i] for i in ch)
            new = [x.clone() for x in w]; sl = 0
            for i in ch:
                s = perf_counter(); d = self.clients[i].update(w, self.seed_of(i, r)); sl = max(sl, perf_counter() - s)
                for x, y in zip(new, d): x -= self.client_sample_counts[i] / tot * y
            self.model.set_weights(new)
            t += sl; res.wall_time.append(t); res.message_count.append(2 * len(ch) * (r + 1)); res.test_accuracy.append(self.test())
        return res
