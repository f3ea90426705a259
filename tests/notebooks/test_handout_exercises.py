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


def test_first_code_cell_is_the_setup_and_below_the_title(handout: NotebookNode) -> None:
    title, setup = handout.cells[:2]

    assert title.source.startswith("# Homework 1")
    assert setup.metadata.tags == ["setup"]
    assert {"import pandas as pd", "from lab_2_hfl.hfl_complete import *"} <= set(setup.source.splitlines())


def test_default_values_are_those_of_the_functions(handout: NotebookNode) -> None:
    [source] = [cell.source for cell in handout.cells if cell.source.startswith("n = ")]
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    defaults = [{**HOMEWORK.handout.parameters(name, name), "nr_rounds": 10} for name in EXPERIMENTS]

    assert set(values) == {"n", "iid", "seed", "lr", "c", "b", "e", "nr_rounds"}
    assert [each for each in defaults if not each.items() <= values.items()] == []


@pytest.mark.parametrize("name", ["client_number_experiments", "client_fraction_experiments"])
def test_the_table_to_fill_in_is_the_solution_s(handout: NotebookNode, name: str) -> None:
    tags = [cell.metadata.get("tags", []) for cell in handout.cells]
    rows = re.findall(
        r"^\| (Fed\w+) \| (\d+) \| ([\d.]+) \| \| \|$",
        handout.cells[tags.index([name]) - 1].source,
        re.MULTILINE,
    )

    assert rows == [
        (setting.algorithm, str(setting.n), str(setting.c))
        for setting in getattr(experiments, name).settings().values()
    ]


def test_students_are_told_where_to_hand_in(handout: NotebookNode) -> None:
    assert HOMEWORK.release is not None
    assert HOMEWORK.release.platform
    assert handout.cells[-1].source.count(f"through {HOMEWORK.release.platform}") == 1


def test_what_plays_no_part_in_the_explanation_is_not_given_away(handout: NotebookNode) -> None:
    tags = [cell.metadata.get("tags", []) for cell in handout.cells]
    question = handout.cells[tags.index(["fedsgd_explanation"]) - 1].source

    assert "in which cases" in question
    assert re.findall(r"\$|\bsplit|\bno part|\blearning rate|\bfraction", question) == []


def test_only_the_explanation_is_prose(handout: NotebookNode) -> None:
    prose = [cell.metadata.tags for cell in handout.cells if cell.metadata and cell.cell_type == "markdown"]

    assert prose == [["fedsgd_explanation"]]


def test_points_are_those_of_the_homework(handout: NotebookNode) -> None:
    overview = handout.cells[0].source
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
def test_each_question_is_a_string_above_its_answer(handout: NotebookNode, tag: str) -> None:
    [questions] = ast.parse(cell_source(handout, tag)).body
    assert isinstance(questions, ast.ClassDef)
    above = zip(questions.body[::2], questions.body[1::2], strict=True)
    asked = [(ast.literal_eval(text.value), ast.unparse(answer.target)) for text, answer in above]  # type: ignore[attr-defined]

    assert len(asked) >= 2
    assert [
        (text, name) for text, name in asked if not re.fullmatch(rf"{name.upper()}: [A-Z].*\?", text)
    ] == []


@pytest.mark.parametrize("tag", OBSERVATIONS)
def test_comments_beside_a_question_are_marked_as_clarifications(handout: NotebookNode, tag: str) -> None:
    comments = re.findall(r"^ +# (.*)", cell_source(handout, tag), re.MULTILINE)

    assert [line for line in comments if not line.startswith("Clarification: ")] == []


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


def test_the_lab_s_examples_are_named(handout: NotebookNode) -> None:
    [source] = [cell.source for cell in handout.cells if cell.source.startswith("## Part B")]
    named = re.findall(r"^\| `(\w+\.py)` \|", source, re.MULTILINE)

    assert named
    assert set(named) == {
        path.name for path in (HOMEWORK.folder / "lab_1_parallelism" / "examples").glob("*.py")
    }


def test_handout_never_mentions_the_solutions(handout: NotebookNode) -> None:
    mentions = [cell.id for cell in handout.cells if re.search(r"\bsolutions\b", cell.source)]

    assert mentions == []
