class MyServer(FedAvgServer):
    """Both algorithms in one: FedSGD is a step per round on all of a client's data."""

    def __init__(self, name, batch_size, client_subsets, client_fraction, nr_local_epochs, seed):
        super().__init__(0.01, batch_size, client_subsets, client_fraction, nr_local_epochs, seed)
        self.name = name
