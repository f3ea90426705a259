EPOCHS += [2, 4]


def curve(server, nr_rounds):
    return accuracies_of(server.run(nr_rounds))
