import copy


class FedAvgGradServer(DecentralizedServer):
    """FedAvg whose clients send pseudo-gradients instead of weights."""

    class PseudoGradClient(Client):
        def __init__(self, client_data: Subset, lr: float, batch_size: int, nr_epochs: int) -> None:
            super().__init__(client_data, batch_size)
            self.nr_epochs = nr_epochs
            self.optimizer = SGD(self.model.parameters(), lr=lr)

        def update(self, in_params: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
            old = copy.deepcopy(in_params)
            self.model.load_state_dict(dict(zip(self.model.state_dict().keys(), in_params)))
            torch.manual_seed(seed)
            for _ in range(self.nr_epochs):
                train_epoch(self.model, self.loader_train, self.optimizer)
            return tuple(o - n for o, n in zip(old, self.model.parameters()))

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
        self.optimizer = SGD(self.model.parameters(), lr=1.0)
        self.clients = [self.PseudoGradClient(subset, lr, batch_size, nr_local_epochs) for subset in client_subsets]

    def run(self, nr_rounds: int) -> RunResult:
        result = RunResult(
            self.name, self.nr_clients, self.client_fraction, self.batch_size, self.nr_local_epochs, self.lr, self.seed
        )
        for nr_round in trange(nr_rounds):
            begin = perf_counter()
            chosen = self.rng.choice(self.nr_clients, self.nr_clients_per_round, replace=False)
            updates, times, counts = [], [], []
            setup = perf_counter() - begin
            for client, index in zip(np.array(self.clients, dtype=object)[chosen], chosen):
                begin = perf_counter()
                updates.append(
                    client.update(
                        in_params=[p for p in self.model.parameters()],
                        seed=self.seed + index.item() + 1 + nr_round * len(chosen),
                    )
                )
                times.append(perf_counter() - begin)
                counts.append(len(client.loader_train.dataset))
            begin = perf_counter()
            self.optimizer.zero_grad()
            for position, p in enumerate(self.model.parameters()):
                parts = np.stack([update[position].detach().cpu().numpy() for update in updates])
                mean = np.average(parts.astype(np.float64), axis=0, weights=np.array(counts) / sum(counts))
                p.grad = torch.from_numpy(mean).to(p.dtype).to(device)
            self.optimizer.step()
            result.wall_time.append(setup + max(times) + perf_counter() - begin)
            result.message_count.append(2 * len(chosen))
            result.test_accuracy.append(self.test())
        result.wall_time = np.cumsum(result.wall_time)
        result.message_count = np.cumsum(result.message_count).tolist()
        return result
