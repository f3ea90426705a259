def line_timer(f):
    import sys
    times = {}
    def tracer(frame, event, arg):
        times.setdefault(frame.f_lineno, time.perf_counter())
        return tracer
    def wrapped(n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15):
        sys.settrace(tracer)
        try:
            return f(n, seed, b, e, nr_rounds)
        finally:
            sys.settrace(None)
            print(times)
    return wrapped

@line_timer
def noniid_parameter_experiments(
    n: int = 100, seed: int = 10, b: int = 100, e: int = 1, nr_rounds: int = 15
) -> dict[str, list[float]]:
    subsets = split(n, False, seed)
    curves = {}
    for label, lr, c in (("Old", 0.01, 0.1), ("New", 0.001, 0.5)):
        curves[f"FedSGD {label}"] = FedSgdServer(lr, subsets, c, seed).run(nr_rounds).test_accuracy
        curves[f"FedAvg {label}"] = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds).test_accuracy
    return curves
