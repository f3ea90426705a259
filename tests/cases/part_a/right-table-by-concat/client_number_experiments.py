import pandas as pd


def client_number_experiments(
    iid: bool = True, seed: int = 10, lr: float = 0.01, c: float = 0.1, b: int = 100, e: int = 1, nr_rounds: int = 10
) -> pd.DataFrame:
    table = pd.DataFrame(columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
    for n in [10, 50, 100]:
        subsets = split(n, iid, seed)
        sgd = FedSgdGradientServer(lr, subsets, c, seed).run(nr_rounds).as_df()
        avg = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds).as_df()
        for frame in (sgd, avg):
            table = pd.concat([table, frame[table.columns].iloc[[-1]]])
    return table
