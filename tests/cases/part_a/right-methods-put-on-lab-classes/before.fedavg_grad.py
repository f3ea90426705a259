def get_weights(self): return [p.detach().clone() for p in self.parameters()]
def set_weights(self, ws):
    with torch.no_grad():
        for p, w in zip(self.parameters(), ws): p.copy_(w)
MnistCnn.get_weights = get_weights
MnistCnn.set_weights = set_weights

def seed_of(self, client, nr_round):
    return self.seed + int(client) + 1 + nr_round * self.nr_clients_per_round
Server.seed_of = seed_of
