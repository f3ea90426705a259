"""Templates filled in: whatever they are given is shown as text, except what the kit itself has marked as HTML."""

from __future__ import annotations

import base64
import hashlib
from functools import cache, partial
from typing import Any

import jinja2
from markupsafe import Markup

from .. import display


def render(template: str, package: str = __package__, **values: Any) -> str:
    """A page from a template of `package`, which can build on those that lie here. An unknown name in the template is an error."""
    return _environment(package).get_template(template).render(**values)


@cache
def _environment(package: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(each, "") for each in dict.fromkeys((package, __package__))]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        include_source=partial(_include_source, environment), digest=partial(_digest, environment)
    )
    environment.filters["points"] = format_points
    environment.filters["brief"] = display.brief
    return environment


def _show(value: Any) -> Any:
    """What a template writes: text without what a reader can't see."""
    return display.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _include_source(environment: jinja2.Environment, name: str) -> Markup:
    """A style sheet or script of the kit, as it is."""
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def _digest(environment: jinja2.Environment, name: str) -> str:
    """What a page's security policy calls a script of the kit, so that no other one runs."""
    digest = hashlib.sha256(_include_source(environment, name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def format_points(points: float | None) -> str:
    """Points with two decimals at most; a dash where nobody knows them."""
    return "–" if points is None else f"{round(points, 2):g}"


def embed(svg: str) -> str:
    """The address of a picture that lies in the page itself. As an image, nothing in it can run or load anything."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8', 'replace')).decode()}"
