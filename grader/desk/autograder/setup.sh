#!/usr/bin/env bash
# Run once, when Gradescope builds the image: Python, and the kit with all that it needs, beside this folder.
set -eu
source="$(cd "$(dirname "$0")" && pwd)"

is_new_enough() {
    command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'
}

apt-get update
apt-get install -y --no-install-recommends python3 python3-venv $(cat "$source/packages.txt")
is_new_enough python3 || apt-get install -y --no-install-recommends python3.11 python3.11-venv || true

for python in python3 python3.11; do
    if is_new_enough "$python"; then
        "$python" -m venv "$source/../venv"
        "$source/../venv/bin/python" -m pip install -e "$source/kit"
        exit 0
    fi
done
echo "This image has no Python 3.11 or newer. Choose a newer base image in the settings of the autograder." >&2
exit 1
