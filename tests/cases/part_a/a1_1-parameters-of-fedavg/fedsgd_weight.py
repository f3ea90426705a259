class FedSgdWeightServer(FedAvgServer):
    def __init__(self, lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed):
        super().__init__(lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed)
        self.name = "FedSGDWeight"
