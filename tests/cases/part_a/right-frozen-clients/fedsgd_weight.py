@dataclass(frozen=True, slots=True)
class Participant:
    data: Subset
    lr: float

    def update(self, in_params: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
        model = MnistCnn().to(device).train()
        torch.manual_seed(seed)  # only now: making the model drew numbers too
        for parameter, weights in zip(model.parameters(), in_params):
            parameter.data = weights.detach().clone()
        ((images, labels),) = DataLoader(self.data, batch_size=len(self.data))
        loss = F.nll_loss(model(images.to(device)), labels.to(device))
        gradients = torch.autograd.grad(loss, tuple(model.parameters()))
        return [(p - self.lr * g).detach() for p, g in zip(model.parameters(), gradients)]


class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr: float, client_subsets: list[Subset], client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
        self.clients = [Participant(subset, lr) for subset in client_subsets]

    def run(self, nr_rounds: int) -> RunResult:
        result = super().run(nr_rounds)
        each = 2 * self.nr_clients_per_round
        result.message_count = range(each, each * nr_rounds + 1, each)
        return result
