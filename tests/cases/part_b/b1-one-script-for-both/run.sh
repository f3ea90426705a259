# starts both exercises, one after the other
for rank in 0 1 2; do python b1.py $rank & done; wait
for rank in 0 1 2 3 4 5; do python b2.py $rank & done; wait
