%%time
def run_both(n, iid, seed, lr, b, c, e, nr_rounds):
    subsets = split(n, iid, seed)
    sgd = FedSgdServer(lr, subsets, c, seed).run(nr_rounds)
    avg = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds)
    return sgd.test_accuracy, avg.test_accuracy
