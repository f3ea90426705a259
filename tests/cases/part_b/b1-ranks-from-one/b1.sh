for rank in 1 2 3; do
    python b1.py $rank &
done
wait
