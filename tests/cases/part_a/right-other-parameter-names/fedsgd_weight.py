class FedSgdWeightServer(FedAvgServer):
    def __init__(self, eta, subsets, fraction, start):
        super().__init__(eta, -1, subsets, fraction, 1, start)
