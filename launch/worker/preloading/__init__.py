"""One process of a run imports torch, and every rank begins as a copy of it: seconds saved for each rank.

    shell ── stand-in (in place of `python b1.py 0`) ── asks ──> server (has imported torch)
                 └ waits for the end, passes signals on             └ forks the rank, which runs b1.py

A rank is a fresh process as far as its script can see: arguments, environment, folder and open files are those
of its stand-in, whose exit status is the rank's.
"""
