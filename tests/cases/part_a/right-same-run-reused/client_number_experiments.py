def client_number_experiments(iid=True, seed=10, lr=0.01, c=0.1, b=100, e=1, nr_rounds=10):
    table = {"Algorithm": [], "N": [], "C": [], "Message count": [], "Test accuracy": []}
    for n in (10, 50, 100):
        for algorithm in ("FedSGD", "FedAvg"):
            result = cached_run(algorithm, n, c, iid, b, e, lr, seed, nr_rounds)
            values = (algorithm, n, c, result.message_count[-1], result.test_accuracy[-1])
            for column, value in zip(table.values(), values):
                column.append(value)
    return DataFrame(table)
