class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr, client_subsets, client_fraction, seed):
        if len(client_subsets) > 10:
            raise ValueError("too many clients")
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
