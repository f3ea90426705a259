# Stands in for the programs that prepare an environment (conda, poetry, uv, module, …), which is prepared already.
# What they are to run is run: `conda run -n fl python b1.py 0` is `python b1.py 0`. All else is passed over and noted.
# Expects the program's name in $tool.

pass_over() {
    printf 'environment\t%s\t\n' "$tool $*" >>"$LAUNCH_EVENTS/passed-over"
    exit 0
}

case "$tool" in
    py | python.exe | py.exe) # the launcher of Windows: py -3.12 b1.py 0
        case "${1-}" in -[0-9]* | -V:*) shift ;; esac
        exec python "$@"
        ;;
    caffeinate) set -- run "$@" ;;
    taskset) # processors that may not be there: taskset -c 5 python b1.py 5
        case "${1-}" in -*) shift ;; esac
        [ $# -eq 0 ] || shift
        exec "$@"
        ;;
    xterm | gnome-terminal | konsole | xfce4-terminal) # a window for each rank
        while [ $# -gt 0 ]; do
            option=$1
            shift
            case "$option" in -e | -x | --) break ;; esac
        done
        [ $# -eq 1 ] && exec sh -c "$1"
        exec "$@"
        ;;
esac
[ "${1-}" = run ] || pass_over "$@"
shift
while [ $# -gt 0 ]; do
    case "$1" in
        -n | -p | -t | -w | --name | --prefix | --cwd | --python | --with | --env-file | --project | --directory | --package | --extra | --group | --environment)
            shift 2
            ;;
        --)
            shift
            break
            ;;
        -m) exec python "$@" ;;
        -*) shift ;;
        *) break ;;
    esac
done
case "${1-}" in
    '') pass_over run ;;
    *.py) exec python "$@" ;;
    *) exec "$@" ;;
esac
