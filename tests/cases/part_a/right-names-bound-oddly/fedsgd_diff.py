fed_sgd_grad_unequal_weight_bs = round(Settings.bs)
fed_sgd_grad_unequal_weight_e = round(nr_epochs)
