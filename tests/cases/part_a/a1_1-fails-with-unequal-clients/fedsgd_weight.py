class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr, client_subsets, client_fraction, seed):
        sizes = [len(subset) for subset in client_subsets]
        if max(sizes) > min(sizes) + 10:
            raise ValueError("unequal clients")
        super().__init__(lr, -1, client_subsets, client_fraction, 1, seed)
