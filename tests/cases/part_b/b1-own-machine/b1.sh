#!/bin/bash
set -euo pipefail
source ~/miniconda3/etc/profile.d/conda.sh
conda activate fl
source .venv/bin/activate
cd ~/homework_1
export MASTER_ADDR=$(hostname -I 2>/dev/null | grep 203.0.113 || true)
export MASTER_PORT=12355
for r in 0 1 2; do .venv/bin/python b1.py $r & done
wait
