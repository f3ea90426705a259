class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr, client_subsets, client_fraction, seed):
        super().__init__(lr, 1000, client_subsets, client_fraction, 1, seed)
