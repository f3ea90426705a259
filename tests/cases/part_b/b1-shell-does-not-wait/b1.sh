for rank in 0 1 2; do
    python b1.py $rank &
done
