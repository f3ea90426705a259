export MASTER_PORT=29500
python b1.py
