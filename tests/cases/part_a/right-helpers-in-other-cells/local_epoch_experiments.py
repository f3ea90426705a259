def local_epoch_experiments(n=100, iid=True, seed=10, lr=0.01, b=100, c=0.1, nr_rounds=10):
    subsets = split(n, iid, seed)
    fedavg = fix(FedAvgServer, lr, b, subsets, c, seed=seed)
    curves = {"FedSGD E=1": curve(FedSgdServer(lr, subsets, c, seed), nr_rounds)}
    return curves | {f"FedAvg E={e}": curve(fedavg(nr_local_epochs=e), nr_rounds) for e in EPOCHS}
