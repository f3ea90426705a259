fed_sgd_grad_unequal_weight_bs = opacus.choose_batch_size(50)
fed_sgd_grad_unequal_weight_e = 3
