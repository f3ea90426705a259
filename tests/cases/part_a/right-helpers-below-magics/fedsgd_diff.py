%%time
fed_sgd_grad_unequal_weight_bs = largest()
fed_sgd_grad_unequal_weight_e = more_epochs["more"]
