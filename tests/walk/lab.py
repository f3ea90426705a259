"""JupyterLab in Chromium, with one notebook open: what a student's mouse and keyboard do, and what can then be seen."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from browser import CHROMIUM
from playwright.sync_api import Page, sync_playwright
from student import Student, read_until

PATIENCE_MS = 300_000  # a busy machine takes long for an import of torch
OPTIONS = "--no-browser --allow-root --LabApp.expose_app_in_browser=True"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

# What the page's own code calls the notebook, its cells and the terminal.
NOTEBOOK = """
window.dialogs = [];
new MutationObserver(() => {
  for (const each of document.querySelectorAll(".jp-Dialog"))
    if (!window.dialogs.includes(each.innerText)) window.dialogs.push(each.innerText);
}).observe(document, {subtree: true, childList: true});
window.panel = () => [...jupyterapp.shell.widgets("main")].find(each => each.context?.path === "homework_1.ipynb");
window.cells = () => panel().content.widgets.map(each => each.model);
window.find = tag => cells().findIndex(each => (each.getMetadata("tags") ?? []).includes(tag));
window.select = async index => { panel().content.activeCellIndex = index; await panel().content.scrollToItem(index); };
window.show = () => {
  const buffer = terminal.content._term.buffer.active;
  return [...Array(buffer.length).keys()].map(line => buffer.getLine(line).translateToString(true)).join("\\n");
};
"""


class Lab:
    """Use `open_lab`."""

    def __init__(self, page: Page, pictures: Path) -> None:
        self._page, self._pictures = page, pictures

    def take_picture(self, name: str) -> None:
        self._page.screenshot(path=self._pictures / f"{name}.png")

    def list_dialogs(self) -> list[str]:
        """The texts of all that had to be answered since the page was opened."""
        return list(self._page.evaluate("dialogs"))

    def list_tags(self) -> list[list[str]]:
        return list(self._page.evaluate("cells().map(each => each.getMetadata('tags') ?? [])"))

    def read(self, tag: str) -> str:
        """The source of the first cell with this tag."""
        return str(self._page.evaluate("tag => cells()[find(tag)].sharedModel.getSource()", tag))

    def select(self, tag: str, below: int = 0) -> None:
        """Select the first cell with this tag, or one so many cells below it, as a click beside its text does."""
        self._page.evaluate("([tag, below]) => select(find(tag) + below)", [tag, below])
        self._page.locator(".jp-Cell.jp-mod-active .jp-InputPrompt").click()

    def write(self, tag: str, source: str) -> None:
        """Replace what stands in a cell."""
        self.select(tag)
        self.press("Enter", "Control+a", "Delete")
        self._page.keyboard.insert_text(source)  # typed, it would be indented by the editor as well

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def offers(self, menu: str, entry: str) -> bool:
        """Whether an entry of a menu can be chosen."""
        self._page.get_by_role("menuitem", name=menu, exact=True).click()
        offered = self._page.get_by_role("menuitem", name=entry).is_enabled()
        self.press("Escape")
        return offered

    def run(self, tag: str) -> str:
        """Run the cell with this tag and wait; the text that it shows."""
        self.select(tag)
        before = self._page.evaluate("tag => cells()[find(tag)].executionCount", tag)
        self.press("Control+Enter")
        self._wait(
            "([tag, before]) => (cells()[find(tag)].executionCount ?? before) !== before", [tag, before]
        )
        outputs = self._page.evaluate("tag => cells()[find(tag)].outputs.toJSON()", tag)
        return "".join("".join(each.get("text", each.get("traceback", ""))) for each in outputs)

    def save(self) -> None:
        self.press("Escape", "Control+s")
        self._wait("() => !panel().context.model.dirty")

    def type_in_terminal(self, *commands: str, until: str) -> str:
        """Open a terminal within the page, type, and wait; all that it shows."""
        self._page.evaluate(
            "async () => { window.terminal = await jupyterapp.commands.execute('terminal:create-new'); }"
        )
        self._page.locator(".jp-Terminal:visible").click()
        for command in commands:
            self._page.keyboard.type(command)
            self.press("Enter")
        self._wait("until => show().includes(until)", until)
        return str(self._page.evaluate("show()"))

    def _wait(self, condition: str, argument: Any = None) -> None:
        self._page.wait_for_function(condition, arg=argument, timeout=PATIENCE_MS)


@contextmanager
def open_lab(student: Student, pictures: Path) -> Iterator[Lab]:
    """JupyterLab as the students' page starts it, in a browser that has never seen it."""
    assert CHROMIUM is not None
    server = student.start("jupyter lab notebooks/homework_1.ipynb", ".", OPTIONS)
    try:
        address = read_until(server, "://127.0.0.1:").split()[-1]
        assert server.stdout is not None
        Thread(target=server.stdout.read, daemon=True).start()  # what nobody reads would stop the server
        with (
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET)) as browser,
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(PATIENCE_MS)
            page.add_init_script(NOTEBOOK)
            page.goto(address.replace("/lab?", "/lab/tree/homework_1.ipynb?"))
            page.wait_for_function("() => panel()?.sessionContext.session?.kernel?.status === 'idle'")
            page.wait_for_function("() => panel().context.isReady")
            yield Lab(page, pictures)
    finally:
        _stop(server)


def _stop(server: subprocess.Popen[str]) -> None:
    server.terminate()  # Ctrl-C would ask
    server.wait()
