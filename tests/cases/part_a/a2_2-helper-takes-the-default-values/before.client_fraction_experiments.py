def make_servers(subsets, c):
    return FedSgdServer(lr, subsets, c, seed), FedAvgServer(lr, b, subsets, c, e, seed)
