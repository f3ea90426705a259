def client_fraction_experiments(n=100, iid=True, seed=10, lr=0.01, b=100, e=1, nr_rounds=10):
    settings = [(algorithm, n, c) for c in (0.01, 0.1, 0.2) for algorithm in ("FedSGD", "FedAvg")]
    results = [cached_run(*setting, iid, b, e, lr, seed, nr_rounds) for setting in settings]
    return DataFrame(
        [[*setting, r.message_count[-1], r.test_accuracy[-1]] for setting, r in zip(settings, results)],
        columns=["Algorithm", "N", "C", "Message count", "Test accuracy"],
    )
