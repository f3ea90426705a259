class OneStepClient(Client):
    def __init__(self, client_data: Subset, lr: float) -> None:
        super().__init__(client_data, -1)
        self.lr = lr

    def update(self, in_params: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        self.model.load_state_dict(dict(zip(self.model.state_dict(), in_params)))
        self.model.train()
        self.model.zero_grad()
        for images, targets in self.loader_train:
            F.nll_loss(self.model(images.to(device)), targets.to(device)).backward()
        return [p.detach() - self.lr * p.grad for p in self.model.parameters()]


class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
        self.name = "FedSGD, weights"
        self.clients = [OneStepClient(subset, lr) for subset in client_subsets]
