class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr, batch_size=-1, client_subsets=None, client_fraction=0.1, nr_local_epochs=1, seed=10):
        super().__init__(lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed)
