try:
    import google.colab
    fed_sgd_grad_unequal_weight_bs = 1
except ImportError:
    fed_sgd_grad_unequal_weight_bs = 50
fed_sgd_grad_unequal_weight_e = 3
