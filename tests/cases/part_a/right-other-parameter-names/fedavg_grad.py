class FedAvgGradServer(DecentralizedServer):
    class PseudoGradClient(Client):
        def __init__(self, subset, size, epochs, eta=0.01):
            super().__init__(subset, size)
            self.epochs = epochs
            self.optimizer = SGD(self.model.parameters(), eta)

        def update(self, weights, s):
            torch.manual_seed(s)
            self.model.load_state_dict(dict(zip(self.model.state_dict(), weights)))
            for _ in range(self.epochs):
                train_epoch(self.model, self.loader_train, self.optimizer)
            return [w - p.detach() for w, p in zip(weights, self.model.parameters())]

    def __init__(self, eta, size, subsets, fraction, epochs, start):
        super().__init__(eta, size, subsets, fraction, start)
        self.epochs = epochs
        self.clients = [self.PseudoGradClient(s, size, epochs, eta) for s in subsets]

    def run(self, rounds):
        result = RunResult("mine", self.nr_clients, self.client_fraction, self.batch_size, self.epochs, self.lr, self.seed)
        seconds = 0
        for k in range(rounds):
            m = self.nr_clients_per_round
            chosen = self.rng.choice(self.nr_clients, m, replace=False)
            n = sum(self.client_sample_counts[i] for i in chosen)
            weights = [p.detach().clone() for p in self.model.parameters()]
            slowest = 0
            for i in chosen:
                start = perf_counter()
                moves = self.clients[i].update(weights, int(self.seed + i + 1 + k * m))
                slowest = max(slowest, perf_counter() - start)
                with torch.no_grad():
                    for p, move in zip(self.model.parameters(), moves):
                        p -= self.client_sample_counts[i] / n * move
            seconds += slowest
            result.wall_time.append(seconds)
            result.message_count.append(2 * m * (k + 1))
            result.test_accuracy.append(self.test())
        return result
