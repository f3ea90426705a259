#!/bin/sh
# Starts ranks 0, 1 and 2 of pipeline.py and waits for them.
# If one fails the others are ended, and the exit status is the failing rank's.
# Every line ends in a comment: so the script also works when an editor has saved it with Windows line ends.
here=$(cd "$(dirname "$0")" && pwd) || exit 1                        # works from any directory
python=${PYTHON:-$(command -v python || command -v python3)}         # PYTHON chooses another one
any_port='import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])' # in Python
: "${MASTER_PORT:=$("$python" -c "$any_port")}"                      # a free one: two runs never meet
export MASTER_PORT                                                   # read by pipeline.py
ranks=                                                               # process ids of those running
trap 'kill $ranks 2>/dev/null' EXIT                                  # leave nobody behind
trap 'exit 130' INT                                                  # Ctrl-C
trap 'exit 143' TERM                                                 # kill
for rank in 0 1 2; do                                                # start them all,
    "$python" "$here/pipeline.py" "$rank" &                          # in the background
    ranks="$ranks $!"                                                # and remember each
done                                                                 # all are started
while [ -n "$ranks" ]; do                                            # until none is left:
    sleep 0.2                                                        # look five times a second
    running=                                                         # who still runs
    for pid in $ranks; do                                            # ask each
        if kill -0 "$pid" 2>/dev/null; then                          # is it alive?
            running="$running $pid"                                  # yes
        else                                                         # no:
            wait "$pid" || exit $?                                   # did it fail? then so do we
        fi                                                           # next one
    done                                                             # asked all
    ranks=$running                                                   # forget those that are done
done                                                                 # all went well
