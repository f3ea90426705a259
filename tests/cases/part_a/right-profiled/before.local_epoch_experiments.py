import cProfile, pstats, io, tracemalloc, time
tracemalloc.start()
def profiled(f):
    import functools
    @functools.wraps(f)
    def w(*a, **k):
        pr = cProfile.Profile()
        pr.enable()
        try:
            return f(*a, **k)
        finally:
            pr.disable()
            pstats.Stats(pr).sort_stats("cumulative").print_stats(10)
    return w
%load_ext line_profiler
pr0 = cProfile.Profile()
pr0.enable()
