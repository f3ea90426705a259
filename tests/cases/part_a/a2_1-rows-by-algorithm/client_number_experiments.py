def client_number_experiments(iid=True, seed=10, lr=0.01, c=0.1, b=100, e=1, nr_rounds=10):
    table = []
    for algorithm in ("FedSGD", "FedAvg"):
        for n in (10, 50, 100):
            parts = split(n, iid, seed)
            server = FedSgdServer(lr, parts, c, seed) if algorithm == "FedSGD" else FedAvgServer(lr, b, parts, c, e, seed)
            table.append(server.run(nr_rounds).as_df().tail(1)[["Algorithm", "N", "C", "Message count", "Test accuracy"]])
    import pandas
    return pandas.concat(table, ignore_index=True)
