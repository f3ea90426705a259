"""The text of a shell script as it can run on another machine than its author's."""

from __future__ import annotations

import pytest

from launch.shell_text import mend


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        (".venv/bin/python b1.py 0 &", "python b1.py 0 &"),
        ("/usr/bin/python3.12 b1.py", "python3.12 b1.py"),
        ('"$HOME/mini conda/bin/python3" b1.py', "python3 b1.py"),
        ('"$(cd "$(dirname "$0")" && pwd)/venv/bin/python" b1.py', '"python" b1.py'),
        ("`pwd`/venv/bin/python b1.py", "python b1.py"),
        ("PY=${PY:-~/fl/.venv/bin/python}", "PY=${PY:-python}"),
        (r"C:\Users\anna\venv\Scripts\python.exe b1.py", "python b1.py"),
        ("venv/bin/torchrun --nproc-per-node 3 b1.py", "torchrun --nproc-per-node 3 b1.py"),
        ("~/.local/bin/uv run b1.py", "uv run b1.py"),
        ("[ ! -x .venv/bin/python ] && exit 1", "[ ! -n python ] && exit 1"),
        ("export PATH=/usr/bin:$PATH", "export PATH=$LAUNCH_PROGRAMS:/usr/bin:$PATH"),
        ("read -r answer < /dev/tty", "read -r answer "),
        (
            "for r in {0..2}; do python b1.py $r &; done; wait",
            "for r in {0..2}; do python b1.py $r & done; wait",
        ),
        ("echo one\r\n", "echo one\n"),
        ("\ufeffecho one", "echo one"),
    ],
)
def test_what_is_mended(line, mended):
    assert mend(line)[0] == mended


@pytest.mark.parametrize(
    "line",
    [
        "python b1.py 0 &",
        "case $1 in a) echo a ;;& b) echo b & ;; esac",
        "PYTHONPATH=../src/bin/python.d python b1.py",
        'cd "$(dirname "${BASH_SOURCE[0]}")"',
        "source .venv/bin/activate",
        "#!/usr/bin/env bash",
    ],
)
def test_what_is_left_as_it_is(line):
    assert mend(line) == (line, [])


def test_a_mended_script_has_no_file_of_its_own_but_still_its_place():
    text = 'cd "$(dirname "${BASH_SOURCE[0]}")"\n/usr/bin/python b1.py\n'
    assert mend(text)[0] == 'cd "$(dirname "${0}")"\npython b1.py\n'


def test_the_author_is_told_which_python_was_run():
    (note,) = mend(".venv/bin/python b1.py 0\n.venv/bin/python b1.py 1\n")[1]
    assert note == "names .venv/bin/python: the launcher's own python was run."
