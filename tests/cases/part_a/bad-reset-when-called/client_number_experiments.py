def client_number_experiments(iid=True, seed=10, lr=0.01, c=0.1, b=100, e=1, nr_rounds=10):
    %reset -f
    return DataFrame([], columns=["Algorithm", "N", "C", "Message count", "Test accuracy"])
