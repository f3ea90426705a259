fed_sgd_grad_unequal_weight_bs: int = 50
fed_sgd_grad_unequal_weight_e: int = 3
