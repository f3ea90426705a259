%prun -q local_epoch_experiments(nr_rounds=1)
%timeit -n1 -r1 local_epoch_experiments(nr_rounds=1)
%lprun -f local_epoch_experiments local_epoch_experiments(nr_rounds=1)
