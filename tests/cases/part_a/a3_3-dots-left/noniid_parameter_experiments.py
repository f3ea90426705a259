def noniid_parameter_experiments(
    n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15
) -> dict[str, list[float]]:
    ...
