import matplotlib.pyplot as plt

for split in ("iid", "non-iid"):
    curves = iid_noniid_experiments(nr_rounds=1)
    for algorithm in ("FedSGD", "FedAvg"):
        plt.plot(curves[f"{algorithm} {split}"], label=f"{algorithm} {split}")
plt.legend()
