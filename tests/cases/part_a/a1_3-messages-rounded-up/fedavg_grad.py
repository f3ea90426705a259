import math

from torch.nn.utils import parameters_to_vector, vector_to_parameters
from time import time
class FedAvgGradServer(DecentralizedServer):
    class PseudoGradClient(Client):
        def __init__(self, client_data: Subset, lr: float, batch_size: int, nr_epochs: int) -> None:
            super().__init__(client_data, batch_size)
            self.lr = lr; self.nr_epochs = nr_epochs
            self.opt = torch.optim.SGD(self.model.parameters(), lr=torch.tensor(lr), foreach=True)
        @property
        def n(self): return len(self.loader_train.dataset)
        def update(self, in_params, seed):
            torch.manual_seed(seed)
            vector_to_parameters(parameters_to_vector(in_params).detach(), self.model.parameters())
            self.model.train()
            for _ in range(self.nr_epochs):
                for x, y in self.loader_train:
                    self.opt.zero_grad(set_to_none=True)
                    F.nll_loss(self.model(x.to(device)), y.to(device)).backward()
                    self.opt.step()
            return [(a - b).detach() for a, b in zip(in_params, self.model.parameters())]
    def __init__(self, lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed, **kw):
        super().__init__(lr, batch_size, client_subsets, client_fraction, seed)
        self.nr_local_epochs = nr_local_epochs
        self.clients = [FedAvgGradServer.PseudoGradClient(s, lr, batch_size, nr_local_epochs) for s in client_subsets]
        self.name = "FedAvg-Grad"
        self.log = []
    def run(self, nr_rounds):
        out = RunResult(self.name, self.nr_clients, self.client_fraction, self.batch_size, self.nr_local_epochs, self.lr, self.seed)
        m = self.nr_clients_per_round
        total = 0
        for r in trange(nr_rounds):
            idx = self.rng.choice(self.nr_clients, m, replace=False)
            theta = parameters_to_vector(self.model.parameters()).detach()
            acc, slow = torch.zeros_like(theta), 0
            for i in idx:
                t = time()
                d = self.clients[i].update([p for p in self.model.parameters()], seed=self.seed + i.item() + 1 + r * m)
                slow = max(slow, time() - t)
                acc += parameters_to_vector(d) * self.clients[i].n
            acc /= sum(self.clients[i].n for i in idx)
            vector_to_parameters(theta - acc, self.model.parameters())
            total += slow
            out.wall_time.append(total); out.message_count.append(2 * math.ceil(self.client_fraction * self.nr_clients) * (r + 1)); out.test_accuracy.append(self.test())
        return out
