def client_number_experiments(
    iid: bool = True, seed: int = 10, lr: float = 0.01, c: float = 0.1, b: int = 100, e: int = 1, nr_rounds: int = 10
) -> DataFrame:
    rows = []
    for n in (10, 50, 100):
        subsets = split(n, iid, seed)
        for server in (FedSgdServer(lr, subsets, c, seed), FedAvgServer(lr, b, subsets, c, e, seed)):
            result = server.run(nr_rounds)
            rows.append([server.name, n, c, result.message_count[-1], result.test_accuracy[-1]])
    table = DataFrame(rows, columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
    print(table)
