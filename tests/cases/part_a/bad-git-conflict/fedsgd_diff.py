fed_sgd_grad_unequal_weight_e = 2
<<<<<<< HEAD
fed_sgd_grad_unequal_weight_bs = 100
=======
fed_sgd_grad_unequal_weight_bs = 200
>>>>>>> laptop
