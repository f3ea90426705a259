"""How many ranks a script has is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starting import write

from launch.command import ScriptError
from launch.rank_count import count_ranks, count_starts, read_world_sizes

KIT = Path(__file__).parents[2]
JOINS = "import torch.distributed as dist\n"
PROGRAM = JOINS + "dist.init_process_group('gloo', rank=rank, world_size={})\n"
FROM_ENVIRONMENT = JOINS + "dist.init_process_group('gloo')\n"


@pytest.mark.parametrize(("name", "ranks"), [("b1.sh", 3), ("b2.sh", 6), ("b1.py", 3), ("b2.py", 6)])
@pytest.mark.parametrize("folder", ["notebooks/part_b", "solutions"])
def test_the_kit_s_own_scripts(folder: str, name: str, ranks: int) -> None:
    assert count_ranks(KIT / folder / name) == ranks


@pytest.mark.parametrize(
    ("program", "size"),
    [
        pytest.param(PROGRAM.format("3"), 3, id="number"),
        pytest.param("P, S = 2, 3\nN: int = 6\n" + PROGRAM.format("N"), 6, id="annotated constant"),
        pytest.param("STAGES = 3\nSIZE = 2 * STAGES\n" + PROGRAM.format("SIZE"), 6, id="product"),
        pytest.param("def main(rank, size=3):\n    " + PROGRAM.format("size").splitlines()[1], 3, id="parameter"),
        pytest.param(PROGRAM.format("int(os.environ.get('WORLD_SIZE', '3'))"), 3, id="default of a variable"),
        pytest.param("parser.add_argument('--world-size', default=3)\n" + PROGRAM.format("args.world_size"), 3, id="option"),
        pytest.param("mp.spawn(main, args=(3,), nprocs=3)\n", 3, id="spawn"),
    ],
)  # fmt: skip
def test_the_size_of_the_group(program: str, size: int) -> None:
    assert read_world_sizes(program, {}) == {size}


@pytest.mark.parametrize(
    "program", [PROGRAM.format("n"), "n = 3\nn = 4\n" + PROGRAM.format("n"), "def f(:", FROM_ENVIRONMENT]
)
def test_no_size_is_made_up(program: str) -> None:
    assert read_world_sizes(program, {}) == set()


def test_a_variable_of_the_shell_counts_before_the_default(tmp_path: Path) -> None:
    write(tmp_path, "b1.py", PROGRAM.format("int(os.environ.get('WORLD_SIZE', '6'))"))
    assert count_ranks(write(tmp_path, "b1.sh", "export WORLD_SIZE=3\npython b1.py 0 &\nwait\n")) == 3


@pytest.mark.parametrize(
    ("shell", "starts"),
    [
        pytest.param("python b1.py 0 &\npython b1.py 1 &\npython b1.py 2 &\nwait\n", 3, id="one by one"),
        pytest.param("python b1.py 0 & python b1.py 1 & python b1.py 2 & wait\n", 3, id="in one line"),
        pytest.param("for r in 0 1 2; do python b1.py $r > log 2>&1 & done; wait\n", 3, id="list"),
        pytest.param("for r in {0..5}\ndo\n  python b2.py $r &\ndone\nwait\n", 6, id="braces"),
        pytest.param("for r in $(seq 0 5); do python b2.py $r & done; wait\n", 6, id="seq"),
        pytest.param("N=3\nfor r in `seq $N`; do python b1.py $r & done\nwait\n", 3, id="seq of a variable"),
        pytest.param("for ((i=0; i<3; i++)); do python b1.py $i & done\nwait\n", 3, id="counting"),
        pytest.param("for ((i = 0; i <= 5; i++)); do python b2.py $i & done\nwait\n", 6, id="counting to the last"),
        pytest.param("i=0\nwhile [ $i -lt 3 ]; do python b1.py $i & i=$((i+1)); done\nwait\n", 3, id="while"),
        pytest.param("for p in 0 1; do\n for s in 0 1 2; do\n python b2.py $((3*p+s)) &\n done\ndone\nwait\n", 6, id="nested"),
        pytest.param("torchrun --nproc_per_node=3 b1.py\n", 3, id="torchrun"),
        pytest.param("torchrun --standalone --nproc-per-node 6 b2.py\n", 6, id="torchrun, apart"),
        pytest.param("for r in 0 1 2; do python -m pipeline $r & done\nwait\n", 3, id="module"),
        pytest.param('R=(0 1 2)\nfor r in "${R[@]}"; do python b1.py $r & done\nwait\n', 3, id="array"),
        pytest.param("for r in $RANKS; do python b1.py $r & done\nwait\n", 0, id="a variable of nobody"),
        pytest.param("for r in $(cat ranks); do python b1.py $r & done\nwait\n", 0, id="a command's output"),
        pytest.param("python b1.py\n", 0, id="one process, which may spawn"),
        pytest.param("sleep 1\nwait\n", 0, id="nothing"),
        pytest.param("", 0, id="empty"),
    ],
)  # fmt: skip
def test_starts_are_counted(shell: str, starts: int) -> None:
    variables = {"N": "3"} if "N=3" in shell else {}
    assert count_starts(shell, variables) == starts


@pytest.mark.parametrize(
    ("files", "says"),
    [
        pytest.param({}, "b1.sh is not there", id="missing"),
        pytest.param({"b1.sh": " \n"}, "is empty", id="empty"),
        pytest.param({"b1.sh": "echo hello\n"}, "b1.sh does not say how many ranks it starts", id="starts nothing"),
        pytest.param({"b1.sh": "# python b1.py 0 &\n"}, "does not say how many", id="only a comment"),
        pytest.param(
            {"b1.sh": "python b1.py 0 &\npython b2.py 0\n", "b1.py": PROGRAM.format(3), "b2.py": PROGRAM.format(6)},
            "b1.sh speaks of 3 and 6 ranks",
            id="two numbers",
        ),
    ],
)  # fmt: skip
def test_where_no_number_is_certain_one_is_asked_for(
    tmp_path: Path, files: dict[str, str], says: str
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    with pytest.raises(ScriptError, match=says):
        count_ranks(tmp_path / "b1.sh")


def test_a_batch_file_is_read_as_what_it_starts(tmp_path: Path) -> None:
    batch = "@echo off\r\nfor %%r in (0 1 2) do start /b python b1.py %%r\r\n"
    assert count_ranks(write(tmp_path, "b1.bat", batch)) == 3


def test_a_program_that_is_not_there_leaves_the_starts(tmp_path: Path) -> None:
    assert count_ranks(write(tmp_path, "b1.sh", "for r in 0 1 2; do python $HOME/b1.py $r & done\n")) == 3
