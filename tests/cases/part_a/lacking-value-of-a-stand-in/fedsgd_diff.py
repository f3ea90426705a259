import plotnine

fed_sgd_grad_unequal_weight_bs = plotnine.sizes(50)[0]
fed_sgd_grad_unequal_weight_e = int(plotnine.sizes(3))
