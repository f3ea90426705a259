exec("sizes = [1, 2]")
globals()["offset"] = 598
[last := size for size in sizes]
match {"epochs": 2}:
    case {"epochs": nr_epochs}:
        pass
