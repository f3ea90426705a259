for rank in 0 1; do
    python b1.py $rank &
done
wait
