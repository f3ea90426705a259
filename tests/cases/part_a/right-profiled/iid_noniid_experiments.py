%%time
pr1 = cProfile.Profile(); pr1.enable()
def iid_noniid_experiments(
    n: int = 100, seed: int = 10, lr: float = 0.01, b: int = 100, c: float = 0.1, e: int = 1, nr_rounds: int = 15
) -> dict[str, list[float]]:
    import plotly.express as px, seaborn as sns
    curves = {}
    with torch.profiler.profile(with_stack=True) as prof:
        for iid in (True, False):
            subsets = split(n, iid, seed)
            label = "iid" if iid else "non-iid"
            curves[f"FedSGD {label}"] = FedSgdServer(lr, subsets, c, seed).run(nr_rounds).test_accuracy
            curves[f"FedAvg {label}"] = FedAvgServer(lr, b, subsets, c, e, seed).run(nr_rounds).test_accuracy
    print(prof.key_averages().table(row_limit=3))
    fig = px.line(pd.DataFrame(curves), title="iid"); fig.update_layout(yaxis_title="acc"); fig.show()
    ax = sns.lineplot(pd.DataFrame(curves)); ax.set_title("x")
    return curves
