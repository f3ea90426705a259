class OwnClient(Client):
    def update(self, in_params, seed):
        torch.manual_seed(seed + 1000)
        self.model.load_state_dict(dict(zip(self.model.state_dict(), in_params)))
        self.model.train()
        self.model.zero_grad()
        for images, targets in self.loader_train:
            F.nll_loss(self.model(images), targets).backward()
        return [p.grad.clone() for p in self.model.parameters()]


class FedSgdWeightServer(DecentralizedServer):
    _step = FedSgdServer._step

    def __init__(self, lr, client_subsets, client_fraction, seed):
        super().__init__(lr, -1, client_subsets, client_fraction, seed)
        self.name = "FedSGDWeight"
        self.optimizer = SGD(self.model.parameters(), lr=lr)
        self.clients = [OwnClient(subset, -1) for subset in client_subsets]

    def run(self, nr_rounds):
        result = RunResult(self.name, self.nr_clients, self.client_fraction, -1, 1, self.lr, self.seed)
        return self._run_rounds(nr_rounds, result, self._step)
