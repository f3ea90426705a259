fed_sgd_grad_unequal_weight_e = EPOCHS
fed_sgd_grad_unequal_weight_bs = 2 * HALF
