import pandas as pd


def client_number_experiments(
    iid: bool = True,
    seed: int = 10,
    lr: float = 0.01,
    c: float = 0.1,
    b: int = 100,
    e: int = 1,
    nr_rounds: int = 10,
    progress=tqdm,
) -> DataFrame:
    results = []
    for n in progress([10, 50, 100]):
        subsets = split(n, iid, seed)
        for server in (FedSgdServer(lr, subsets, c, seed), FedAvgServer(lr, b, subsets, c, e, seed)):
            results.append(server.run(nr_rounds).as_df().iloc[-1])
    return pd.DataFrame(results)[["Algorithm", "N", "C", "Message count", "Test accuracy"]].reset_index(drop=True)
