def local_epoch_experiments(n=100, iid=True, seed=10, lr=0.01, b=100, c=0.1, nr_rounds=10):
    curves = {"FedSGD E=1": FedSgdServer(lr, subsets, c, seed).run(nr_rounds).test_accuracy}
    for e in (1, 2, 4):
        curves[f"FedAvg E={e}"] = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds).test_accuracy
    return curves
