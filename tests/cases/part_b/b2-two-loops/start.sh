#!/bin/bash
# ranks from two loops: stage and pipeline
cd "$(dirname "$0")" || exit 1
for ((stage = 0; stage < 3; stage++)); do
    for ((pipe = 0; pipe < 2; pipe++)); do
        python -u b2.py $((pipe * 3 + stage)) &
    done
done
wait
