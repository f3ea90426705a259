"""The handout asks for what is graded (tags, names, signatures, options, points) and gives no answer away."""

import ast
import re
from inspect import signature
from pathlib import Path

import pytest
from nbformat import NotebookNode

from grader import read_homework
from solutions import experiments, observations

HOMEWORK = read_homework(Path(__file__).parents[2])
EXPERIMENTS = [tag for tag in HOMEWORK.tags if tag.endswith("_experiments")]
OBSERVATIONS = [tag for tag in HOMEWORK.tags if tag.endswith("_observations")]


def list_points() -> dict[str, float]:
    """Those of each exercise, and of each part: of the notebook, and of the scripts."""
    points = {exercise.id: exercise.points for exercise in HOMEWORK.exercises}
    notebook = sum(exercise.points for exercise in HOMEWORK.exercises if exercise.tags)
    return {**points, "Part A": notebook, "Part B": sum(points.values()) - notebook}


# Tag, path of classes, bases of the innermost, its methods with the names of their parameters.
SERVERS = {
    "weights": (
        "fedsgd_weight",
        ["FedSgdWeightServer"],
        ["FedAvgServer"],
        {"__init__": "self, lr, client_subsets, client_fraction, seed"},
    ),
    "pseudo-gradients": (
        "fedavg_grad",
        ["FedAvgGradServer"],
        ["DecentralizedServer"],
        {
            "__init__": "self, lr, batch_size, client_subsets, client_fraction, nr_local_epochs, seed",
            "run": "self, nr_rounds",
        },
    ),
    "its client": (
        "fedavg_grad",
        ["FedAvgGradServer", "PseudoGradClient"],
        ["Client"],
        {"__init__": "self, client_data, lr, batch_size, nr_epochs", "update": "self, in_params, seed"},
    ),
}


def cell_source(notebook: NotebookNode, tag: str) -> str:
    return str(next(cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", [])))


def definition(body: list[ast.stmt], name: str) -> ast.ClassDef | ast.FunctionDef:
    return next(
        node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
    )


def parameters(function: ast.FunctionDef) -> str:
    """The parameters with their defaults, without their types."""
    for argument in function.args.args:
        argument.annotation = None
    return ast.unparse(function.args).replace(" = ", "=")


def is_left_open(statement: ast.stmt) -> bool:
    """Whether a statement is one that a student fills in, or a docstring."""
    match statement:
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ... or isinstance(value, str)
        case ast.AnnAssign(value=ast.Constant(value=value)):
            return value is ...
        case ast.FunctionDef(body=body) | ast.ClassDef(body=body):
            return all(is_left_open(inner) for inner in body)
    return False


def test_every_tag_occurs_once_in_order(handout: NotebookNode) -> None:
    assert [tag for cell in handout.cells for tag in cell.metadata.get("tags", [])] == list(HOMEWORK.tags)


def test_first_cell_is_the_setup(handout: NotebookNode) -> None:
    assert handout.cells[0].metadata.tags == ["setup"]
    assert "from lab_2_hfl.hfl_complete import *" in handout.cells[0].source.splitlines()


def test_only_the_explanation_is_prose(handout: NotebookNode) -> None:
    prose = [cell.metadata.tags for cell in handout.cells if cell.metadata and cell.cell_type == "markdown"]

    assert prose == [["fedsgd_explanation"]]


def test_points_are_those_of_the_homework(handout: NotebookNode) -> None:
    overview = handout.cells[1].source
    rows = re.findall(r"^\| \**(Part [AB]|[AB][\d.]+).*?\| \**(\d+)\** \|", overview, re.MULTILINE)

    assert {exercise: int(points) for exercise, points in rows} == list_points()


@pytest.mark.parametrize("kind", ["overview", "headings"])
def test_titles_are_those_of_the_report(handout: NotebookNode, kind: str) -> None:
    text = "\n".join(cell.source for cell in handout.cells if cell.cell_type == "markdown")
    pattern = r"^\| ([AB][\d.]+) (.*?) \|" if kind == "overview" else r"^#{3,4} ([AB]\d(?:\.\d)?) (.*?) \("

    assert re.findall(pattern, text, re.MULTILINE) == [(each.id, each.title) for each in HOMEWORK.exercises]


def test_points_in_headings_agree_with_the_overview(handout: NotebookNode) -> None:
    text = "\n".join(cell.source for cell in handout.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^#+ (Part [AB]|[AB][\d.]+).*\((\d+) points?\b", text, re.MULTILINE)

    assert {exercise: int(points) for exercise, points in headings} == list_points()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_has_the_solution_s_signature(name: str) -> None:
    solution = getattr(experiments, name)
    returned = "DataFrame" if solution.present is experiments.tabulate else "dict[str, list[float]]"

    assert HOMEWORK.handout.parameters(name, name) == {
        each.name: each.default for each in signature(solution).parameters.values()
    }
    assert HOMEWORK.handout.returns(name, name) == returned


@pytest.mark.parametrize("tag", OBSERVATIONS)
def test_the_solution_s_answers_are_among_the_options(tag: str) -> None:
    [(name, options)] = HOMEWORK.handout.options(tag).items()
    answers = {question: getattr(getattr(observations, name), question) for question in options}

    assert {question: answer for question, answer in answers.items() if answer not in options[question]} == {}
    assert all(len(each) >= 2 for each in options.values())


@pytest.mark.parametrize("tag", OBSERVATIONS)
def test_each_question_is_asked_above_its_attribute(handout: NotebookNode, tag: str) -> None:
    lines = cell_source(handout, tag).splitlines()
    above = [lines[number - 1].strip() for number, line in enumerate(lines) if re.match(r" +q\d:", line)]

    assert len(above) >= 2
    assert [line for line in above if not (line.startswith("# ") and line.endswith("?"))] == []


@pytest.mark.parametrize(("tag", "path", "bases", "methods"), SERVERS.values(), ids=SERVERS)
def test_class_has_its_signature(
    handout: NotebookNode, tag: str, path: list[str], bases: list[str], methods: dict[str, str]
) -> None:
    body = ast.parse(cell_source(handout, tag)).body
    for name in path:
        node = definition(body, name)
        body = node.body

    assert isinstance(node, ast.ClassDef)
    assert [ast.unparse(base) for base in node.bases] == bases
    assert {inner.name: parameters(inner) for inner in body if isinstance(inner, ast.FunctionDef)} == methods


def test_numbers_to_find_are_integers(handout: NotebookNode) -> None:
    assert [
        (statement.target.id, ast.unparse(statement.annotation))
        for statement in ast.parse(cell_source(handout, "fedsgd_diff")).body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ] == [("fed_sgd_grad_unequal_weight_bs", "int"), ("fed_sgd_grad_unequal_weight_e", "int")]


@pytest.mark.parametrize("tag", [tag for tag in HOMEWORK.tags if tag not in ("setup", "fedsgd_explanation")])
def test_answer_is_left_open(handout: NotebookNode, tag: str) -> None:
    assert all(is_left_open(statement) for statement in ast.parse(cell_source(handout, tag)).body)


def test_explanation_is_left_open(handout: NotebookNode) -> None:
    assert cell_source(handout, "fedsgd_explanation") == "*Write your explanation here.*"


def test_handout_never_mentions_the_solutions(handout: NotebookNode) -> None:
    mentions = [cell.id for cell in handout.cells if re.search(r"\bsolutions\b", cell.source)]

    assert mentions == []
