class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr, client_subsets, client_fraction, seed):
        super().__init__(lr, int(np.mean([len(s) for s in client_subsets])), client_subsets, client_fraction, 1, seed)
