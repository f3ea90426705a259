"""Checks that need another one: if that has failed, they are not reached, which is reported once and is not a mistake of its own.

`@pytest.mark.needs("test_server_runs")` names a check of the same module and exercise that comes before. If both have a parameter, it must have
the same value. As a plugin of pytest, this module only needs to be loaded.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

import pytest

from .failure import Failure, NotReached


class _Failed(NamedTuple):
    module: Any
    name: str
    parameters: Mapping[str, Any]
    failure: Failure


_FAILED = pytest.StashKey[list[_Failed]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(name): the check without which this one can't be made")
    config.stash[_FAILED] = []


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """End a check that needs a failed one with NotReached, and remember what failed."""
    failed = pyfuncitem.config.stash[_FAILED]
    parameters = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    try:
        for marker in pyfuncitem.iter_markers("needs"):
            _require(pyfuncitem.module, marker.args[0], parameters, failed)
        return (yield)
    except Failure as failure:
        failed.append(_Failed(pyfuncitem.module, pyfuncitem.originalname, parameters, failure))
        raise


def _require(module: Any, name: str, parameters: Mapping[str, Any], failed: list[_Failed]) -> None:
    """Raises NotReached if the check `name` has failed."""
    if not hasattr(module, name):
        raise LookupError(f"{module.__name__} has no check {name}, which another one needs")
    for each in failed:
        shared = parameters.keys() & each.parameters.keys()
        if (each.module, each.name) == (module, name) and all(
            parameters[key] == each.parameters[key] for key in shared
        ):
            raise NotReached(each.failure)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Keep what was not reached out of the failures that are shown one by one."""
    is_not_reached = report.when == "call" and getattr(report, "not_reached", False)
    return ("not reached", "n", "NOT REACHED") if is_not_reached else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    report.not_reached = call.excinfo is not None and isinstance(call.excinfo.value, NotReached)  # type: ignore[attr-defined]
    return report
