"""The handout asks for what is graded (tags, names, signatures, options, points) and gives no answer away."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from nbformat import NotebookNode

TAGS = [
    "setup",
    "fedsgd_weight",
    "fedsgd_diff",
    "fedsgd_explanation",
    "fedavg_grad",
    "client_number_experiments",
    "client_number_observations",
    "client_fraction_experiments",
    "client_fraction_observations",
    "local_epoch_experiments",
    "local_epoch_observations",
    "iid_noniid_experiments",
    "iid_noniid_observations",
    "noniid_parameter_experiments",
    "noniid_parameter_observations",
]

POINTS = {
    "A1.1": 1, "A1.2": 1, "A1.3": 1, "A2.1": 2, "A2.2": 2, "A3.1": 1, "A3.2": 2, "A3.3": 2, "Part A": 12,
    "B1": 7, "B2": 5, "Part B": 12,
}  # fmt: skip

FUNCTIONS = {
    "client_number_experiments": "iid=True, seed=10, lr=0.01, c=0.1, b=100, e=1, nr_rounds=10",
    "client_fraction_experiments": "n=100, iid=True, seed=10, lr=0.01, b=100, e=1, nr_rounds=10",
    "local_epoch_experiments": "n=100, iid=True, seed=10, lr=0.01, b=100, c=0.1, nr_rounds=10",
    "iid_noniid_experiments": "n=100, seed=10, lr=0.01, b=100, c=0.1, e=1, nr_rounds=15",
    "noniid_parameter_experiments": "n=100, seed=10, b=100, e=1, nr_rounds=15",
}

RETURNS = dict.fromkeys(FUNCTIONS, "dict[str, list[float]]") | {
    "client_number_experiments": "DataFrame",
    "client_fraction_experiments": "DataFrame",
}

OPTIONS: dict[str, tuple[str, dict[str, list[str] | type[bool]]]] = {
    "client_number_observations": (
        "ClientNumberObservations",
        {"q1": ["fedsgd", "fedavg", "neither"], "q2": ["fedsgd", "fedavg"], "q3": ["negative", "positive"]},
    ),
    "client_fraction_observations": (
        "ClientFractionObservations",
        {"q1": ["fedsgd", "fedavg"], "q2": ["increase", "decrease", "neither"], "q3": ["fedsgd", "fedavg"]},
    ),
    "local_epoch_observations": (
        "LocalEpochObservations",
        {
            "q1": ["fedsgd", "fedavg"],
            "q2": ["decrease", "increase", "depends"],
            "q3": ["decrease", "increase"],
        },
    ),
    "iid_noniid_observations": ("IidNonIidObservations", {"q1": ["iid", "non-iid"], "q2": bool}),
    "noniid_parameter_observations": (
        "NonIidParameterObservations",
        {"q1": ["worse", "better", "similar"], "q2": bool},
    ),
}

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
    assert [tag for cell in handout.cells for tag in cell.metadata.get("tags", [])] == TAGS


def test_first_cell_is_the_setup(handout: NotebookNode) -> None:
    assert handout.cells[0].metadata.tags == ["setup"]
    assert "from lab_2_hfl.hfl_complete import *" in handout.cells[0].source.splitlines()


def test_only_the_explanation_is_prose(handout: NotebookNode) -> None:
    prose = [cell.metadata.tags for cell in handout.cells if cell.metadata and cell.cell_type == "markdown"]

    assert prose == [["fedsgd_explanation"]]


def test_points_are_those_of_the_homework(handout: NotebookNode) -> None:
    overview = handout.cells[1].source
    rows = re.findall(r"^\| \**(Part [AB]|[AB][\d.]+).*?\| \**(\d+)\** \|", overview, re.MULTILINE)

    assert {exercise: int(points) for exercise, points in rows} == POINTS


@pytest.mark.parametrize("kind", ["overview", "headings"])
def test_titles_are_those_of_the_report(handout: NotebookNode, notebooks_folder: Path, kind: str) -> None:
    declared = tomllib.loads((notebooks_folder.parent / "public_tests" / "homework.toml").read_text())
    text = "\n".join(cell.source for cell in handout.cells if cell.cell_type == "markdown")
    pattern = r"^\| ([AB][\d.]+) (.*?) \|" if kind == "overview" else r"^#{3,4} ([AB]\d(?:\.\d)?) (.*?) \("

    assert re.findall(pattern, text, re.MULTILINE) == [
        (exercise["id"], exercise["title"]) for exercise in declared["exercise"]
    ]


def test_points_in_headings_agree_with_the_overview(handout: NotebookNode) -> None:
    text = "\n".join(cell.source for cell in handout.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^#+ (Part [AB]|[AB][\d.]+).*\((\d+) points?\b", text, re.MULTILINE)

    assert {exercise: int(points) for exercise, points in headings} == POINTS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_experiment_has_its_signature(handout: NotebookNode, name: str) -> None:
    function = definition(ast.parse(cell_source(handout, name)).body, name)

    assert isinstance(function, ast.FunctionDef)
    assert function.returns is not None
    assert ast.unparse(function.returns) == RETURNS[name]
    assert parameters(function) == FUNCTIONS[name]


@pytest.mark.parametrize("tag", OPTIONS)
def test_questions_list_their_options(handout: NotebookNode, tag: str) -> None:
    name, expected = OPTIONS[tag]
    found: dict[str, list[str] | type[bool]] = {}
    for statement in definition(ast.parse(cell_source(handout, tag)).body, name).body:
        match statement:
            case ast.AnnAssign(
                target=ast.Name(id=question),
                annotation=ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=options)),
            ):
                found[question] = [ast.literal_eval(option) for option in options]
            case ast.AnnAssign(target=ast.Name(id=question), annotation=ast.Name(id="bool")):
                found[question] = bool

    assert found == expected


@pytest.mark.parametrize("tag", OPTIONS)
def test_each_question_is_asked_above_its_attribute(handout: NotebookNode, tag: str) -> None:
    lines = cell_source(handout, tag).splitlines()
    above = [lines[number - 1].strip() for number, line in enumerate(lines) if re.match(r" +q\d:", line)]

    assert len(above) == len(OPTIONS[tag][1])
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


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag not in ("setup", "fedsgd_explanation")])
def test_answer_is_left_open(handout: NotebookNode, tag: str) -> None:
    assert all(is_left_open(statement) for statement in ast.parse(cell_source(handout, tag)).body)


def test_explanation_is_left_open(handout: NotebookNode) -> None:
    assert cell_source(handout, "fedsgd_explanation") == "*Write your explanation here.*"


def test_handout_never_mentions_the_solutions(handout: NotebookNode) -> None:
    mentions = [cell.id for cell in handout.cells if re.search(r"\bsolutions\b", cell.source)]

    assert mentions == []
