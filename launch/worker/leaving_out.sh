# Ends a start of python that is of another exercise than the one that is run: one of its arguments is a word of
# $LAUNCH_LEFT_OUT, or a file or folder of that name.

for argument; do
    for word in $LAUNCH_LEFT_OUT; do
        case "$argument" in
            "$word" | "$word".py | "$word"/* | */"$word" | */"$word".py | */"$word"/*)
                printf 'exercise\t%s\t\n' "python $*" >>"$LAUNCH_EVENTS/passed-over"
                exit 0
                ;;
        esac
    done
done
