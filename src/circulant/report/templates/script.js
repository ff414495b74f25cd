"use strict";
const said = document.getElementById("said");

function sortBy(table, column, direction) {
  const body = table.tBodies[0];
  const sign = direction === "ascending" ? 1 : -1;
  const key = (row) => row.cells[column].dataset.value;
  const isControl = (row) => row.classList.contains("control");
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    const order = column === 0 ? x.localeCompare(y) : (x === "inf") - (y === "inf") || sign * (x - y) || 0;
    return isControl(a) - isControl(b) || (column === 0 ? sign * order : order);
  };
  [...body.rows].sort(compare).forEach((row) => body.append(row));
}

document.querySelectorAll("table[data-sortable] th[data-sort]").forEach((head) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const flip = { ascending: "descending", descending: "ascending" };
    const direction = flip[head.getAttribute("aria-sort")] || head.dataset.sort;
    head.parentElement.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction);
    sortBy(head.closest("table"), head.cellIndex, direction);
    said.textContent = `Sorted by ${head.querySelector(".h").textContent}, ${direction}`;
  });
});

const command = document.getElementById("command");
if (command && navigator.clipboard) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "copy" });
  button.textContent = "Copy the command";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command.textContent);
    said.textContent = button.textContent = "Copied";
  });
  command.after(button);
}
