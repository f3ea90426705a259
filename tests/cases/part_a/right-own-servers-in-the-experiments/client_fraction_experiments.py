def client_fraction_experiments(n=100, iid=True, seed=10, lr=0.01, b=100, e=1, nr_rounds=10):
    records = []
    for c in (0.01, 0.1, 0.2):
        for algorithm in ("FedSGD", "FedAvg"):
            messages, accuracies = my_run(algorithm, n, c, iid, b, e, lr, seed, nr_rounds)
            records.append((algorithm, n, c, messages[-1], float(accuracies[-1])))
    return DataFrame.from_records(records, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
