RUNS = {}
def sgd_run(n, iid, seed, lr, c, r):
    k = ("s", n, iid, seed, lr, c)
    if k not in RUNS or len(RUNS[k].test_accuracy) < r: RUNS[k] = FedSgdServer(lr, split(n, iid, seed), c, seed).run(max(r, 5))
    x = RUNS[k]; return RunResult("FedSGD", n, c, -1, 1, lr, seed, x.wall_time[:r], x.message_count[:r], x.test_accuracy[:r])
def avg_run(n, iid, seed, lr, c, b, e, r):
    k = ("a", n, iid, seed, lr, c, b, e)
    if k not in RUNS or len(RUNS[k].test_accuracy) < r: RUNS[k] = FedAvgServer(lr, b, split(n, iid, seed), c, e, seed).run(max(r, 5))
    x = RUNS[k]; return RunResult("FedAvg", n, c, b, e, lr, seed, x.wall_time[:r], x.message_count[:r], x.test_accuracy[:r])

def sgd_last(*a):
    x = sgd_run(*a); return x.message_count[-1], x.test_accuracy[-1]
def avg_last(*a):
    x = avg_run(*a); return x.message_count[-1], x.test_accuracy[-1]
