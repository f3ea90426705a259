class MySgd(FedAvgServer):
    def __init__(self, lr, client_subsets, client_fraction, seed):
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
def sgd_run(n, iid, seed, lr, c, r): return MySgd(lr, split(n, iid, seed), c, seed).run(r)

def avg_run(n, iid, seed, lr, c, b, e, r): return FedAvgServer(lr, b, split(n, iid, seed), c, e, seed).run(r)

def sgd_last(*a):
    x = sgd_run(*a); return x.message_count[-1], x.test_accuracy[-1]
def avg_last(*a):
    x = avg_run(*a); return x.message_count[-1], x.test_accuracy[-1]
