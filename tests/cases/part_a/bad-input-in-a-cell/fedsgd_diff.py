fed_sgd_grad_unequal_weight_bs = int(input("Batch size? "))
fed_sgd_grad_unequal_weight_e = 2
