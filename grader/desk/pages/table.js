"use strict";
// Sorts, filters and walks through the table of parties. Without it the page shows the same table in its order.
const table = document.getElementById("parties"), body = table.tBodies[0], rows = [...body.rows];
const find = document.getElementById("find"), status = document.getElementById("status"), hand = document.getElementById("hand");
const buttons = [...table.tHead.querySelectorAll("button")], HAND = buttons.length - 3;
const text = (row, column) => row.cells[column].textContent.trim();

function filter() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const name = text(row, 0).toLowerCase();
    row.hidden = !(words.every(word => name.includes(word)) && (!status.value || text(row, 1) === status.value) && (!hand.checked || text(row, HAND)));
    shown += !row.hidden;
  }
  document.getElementById("shown").textContent = `${shown} shown`;
}

function sort(column) {
  const head = buttons[column].closest("th"), down = head.getAttribute("aria-sort") === "ascending";
  for (const button of buttons) button.closest("th").removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = row => { const found = parseFloat(text(row, column)); return Number.isNaN(found) ? -Infinity : found; };
  const order = column > 1 ? (a, b) => value(a) - value(b) : (a, b) => text(a, column).localeCompare(text(b, column));
  const sorted = rows.map((row, place) => [row, place]).sort(([a, i], [b, j]) => (down ? -1 : 1) * order(a, b) || i - j);
  body.append(...sorted.map(([row]) => row));
}

function step(by) {
  const links = [...body.rows].filter(row => !row.hidden).map(row => row.querySelector("a"));
  const here = links.indexOf(document.activeElement);
  const next = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, here + by))];
  if (next) next.focus();
}

buttons.forEach((button, column) => button.addEventListener("click", () => sort(column)));
for (const input of [find, status, hand]) input.addEventListener("input", filter);
find.form.addEventListener("submit", event => { event.preventDefault(); step(1); });
document.addEventListener("keydown", event => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing) { document.activeElement.blur(); return; }
  if (typing) return;
  if (event.key === "/") { event.preventDefault(); find.focus(); }
  if (event.key === "j") step(1);
  if (event.key === "k") step(-1);
});
