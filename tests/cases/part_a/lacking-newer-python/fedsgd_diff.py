fed_sgd_grad_unequal_weight_bs = None ?? 50
fed_sgd_grad_unequal_weight_e = 3
