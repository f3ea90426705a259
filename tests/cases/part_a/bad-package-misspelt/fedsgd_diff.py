import pandsa as pd

fed_sgd_grad_unequal_weight_bs = int(pd.Series([50]).max())
fed_sgd_grad_unequal_weight_e = 3
