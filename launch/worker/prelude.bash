# Every bash of a run reads this before its script (BASH_ENV). What makes sense on its author's machine only is passed
# over and noted: environments, folders, the keyboard. A command that works as it is does what it always did.

launch_note() {
    printf '%s\t%s\t%s\n' "$1" "$2" "${3-}" >>"$LAUNCH_EVENTS/passed-over" || :
}

# As bash would have said it of the script's own line.
launch_fail() {
    printf '%s: line %s: %s\n' "$0" "${BASH_LINENO[1]}" "$1" >&2
    return 1
}

source() {
    case "${1-}" in
        activate | */activate | *conda.sh | *mamba.sh | */nvm.sh | *bashrc | *profile | *.zshrc | *virtualenvwrapper.sh | */modules.sh)
            launch_note environment "source $*"
            return
            ;;
    esac
    if [ -e "${1-}" ] || type -P -- "${1-}" >/dev/null; then
        builtin source "$@"
        return
    fi
    case "${1-}" in
        /*) launch_note environment "source $*" ;;
        *) launch_fail "${1-}: No such file or directory" ;;
    esac
}

.() {
    source "$@"
}

cd() {
    local launch_rest="${!#}"
    if [ $# -gt 0 ] && [ "$launch_rest" != "${HOME-}" ]; then
        builtin cd "$@" 2>/dev/null && return
        case "$launch_rest" in
            /* | ../*) ;;
            *)
                launch_fail "cd: $launch_rest: No such file or directory"
                return
                ;;
        esac
    fi
    # The folder's own last parts may lie beside the script: ~/homework/part_b is then part_b.
    [ $# -gt 0 ] || launch_rest=
    while [ "$launch_rest" != "${launch_rest#*/}" ]; do
        launch_rest="${launch_rest#*/}"
        if [ -n "$launch_rest" ] && [ -d "./$launch_rest" ]; then
            launch_note folder "cd $*" "$launch_rest"
            builtin cd "./$launch_rest"
            return
        fi
    done
    launch_note folder "cd $*"
}

# The run's own limits are the narrower ones.
ulimit() {
    builtin ulimit "$@" 2>/dev/null || :
}

# Nobody sits at the keyboard. Who reads it once ranks run would end them next: they are given the time that they need,
# and afterwards there is nothing left to kill. Then, or before any rank, the answer is an empty line.
read() {
    if ! [ /dev/stdin -ef /dev/null ]; then
        builtin read "$@"
        return
    fi
    if [[ " $*" =~ \ -t\ *([0-9.]+) ]]; then # somebody who looks now and then: nothing was pressed in that time
        sleep "${BASH_REMATCH[1]}"
        return 142
    fi
    if [ -n "$(jobs -p)" ]; then
        launch_note keyboard "read $*" waited
        wait
        kill() { builtin kill "$@" 2>/dev/null || :; }
        pkill() { command pkill "$@" 2>/dev/null || :; }
    else
        launch_note keyboard "read $*"
    fi
    builtin read "$@" <<<""
}
