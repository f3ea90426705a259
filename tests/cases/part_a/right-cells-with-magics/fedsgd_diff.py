%%time
fed_sgd_grad_unequal_weight_bs = 599
fed_sgd_grad_unequal_weight_e = 2
print(fed_sgd_grad_unequal_weight_bs)
!echo "{fed_sgd_grad_unequal_weight_e} epochs"
