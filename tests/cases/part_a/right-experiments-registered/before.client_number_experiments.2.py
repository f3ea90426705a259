@register("FedSGD")
def make_fedsgd(subsets, c, lr, b, e, seed): return FedSgdServer(lr, subsets, c, seed)

@register("FedAvg")
def make_fedavg(subsets, c, lr, b, e, seed): return FedAvgServer(lr, b, subsets, c, e, seed)
