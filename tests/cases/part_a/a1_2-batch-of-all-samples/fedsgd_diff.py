fed_sgd_grad_unequal_weight_bs: int = 600
fed_sgd_grad_unequal_weight_e: int = 3
