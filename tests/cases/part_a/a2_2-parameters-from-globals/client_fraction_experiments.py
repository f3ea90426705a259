def client_fraction_experiments(n=100, iid=True, seed=10, lr=0.01, b=100, e=1, nr_rounds=10):
    parts = split(N, iid, SEED)
    rows = []
    for C in [0.01, 0.1, 0.2]:
        for server in [FedSgdServer(LR, parts, C, SEED), FedAvgServer(LR, B, parts, C, e, SEED)]:
            result = server.run(nr_rounds)
            rows.append(dict(zip(["Algorithm", "N", "C", "Message count", "Test accuracy"],
                                 [server.name, N, C, result.message_count[-1], result.test_accuracy[-1]])))
    return DataFrame(rows)
