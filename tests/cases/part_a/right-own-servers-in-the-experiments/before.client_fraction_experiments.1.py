def my_run(algorithm, n, c, iid, b, e, lr, seed, nr_rounds):
    """Both algorithms in one: FedSGD is one step a round on all of a client's data."""
    subsets = split(n, iid, seed)
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model, local = MnistCnn().to(device), MnistCnn().to(device)
    m = max(1, round(c * n))
    accuracies, messages = [], []
    for nr_round in range(nr_rounds):
        chosen = rng.choice(n, m, replace=False)
        samples = sum(len(subsets[i]) for i in chosen)
        total = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
        for i in chosen:
            torch.manual_seed(seed + int(i) + 1 + nr_round * m)
            local.load_state_dict(model.state_dict())
            size = len(subsets[i]) if algorithm == "FedSGD" else b
            loader = DataLoader(subsets[i], batch_size=size)
            optimizer = torch.optim.SGD(local.parameters(), lr=lr)
            local.train()
            for _ in range(1 if algorithm == "FedSGD" else e):
                for images, targets in loader:
                    optimizer.zero_grad()
                    F.nll_loss(local(images.to(device)), targets.to(device)).backward()
                    optimizer.step()
            for name, value in local.state_dict().items():
                total[name] += len(subsets[i]) / samples * value
        model.load_state_dict(total)
        messages.append(2 * m + (messages[-1] if messages else 0))
        accuracies.append(my_test(model))
    return messages, accuracies
