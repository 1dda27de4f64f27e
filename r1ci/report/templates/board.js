"use strict";
(() => {
  const board = document.getElementById("board");
  if (!board) return;
  const heads = [...board.tHead.rows[1].cells];

  // ---------------------------------------------------------------- which columns

  function show(id, shown) {
    const index = heads.findIndex((head) => head.dataset.id === id);
    heads[index].classList.toggle("off", !shown);
    board.querySelectorAll("tbody tr:not(.model)").forEach((row) => row.cells[index + 1].classList.toggle("off", !shown));
    for (const group of board.querySelectorAll("th[data-group]")) {
      const count = heads.filter((head) => head.dataset.in === group.dataset.group && !head.classList.contains("off")).length;
      group.classList.toggle("off", count === 0);
      group.colSpan = Math.max(1, count);
    }
    const visible = heads.filter((head) => !head.classList.contains("off")).length;
    board.querySelectorAll("tr.model th").forEach((head) => { head.colSpan = visible + 1; });
  }

  document.querySelectorAll("[data-column]").forEach((box) => {
    if (box.checked === heads.find((head) => head.dataset.id === box.dataset.column).classList.contains("off")) {
      show(box.dataset.column, box.checked); // the browser kept the choice over a reload
    }
    box.addEventListener("change", () => show(box.dataset.column, box.checked));
  });

  // ---------------------------------------------------------------- in which order

  /** Highest first, then lowest first, then as the report had it; models stay apart, rows without a figure last. */
  const ORDERS = ["descending", "ascending", "none"];

  function sort(button) {
    const head = button.closest("th");
    const order = ORDERS[(ORDERS.indexOf(head.getAttribute("aria-sort") || "none") + 1) % 3];
    board.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    if (order !== "none") head.setAttribute("aria-sort", order);
    const column = order === "none" ? 0 : Number(button.dataset.sort);
    const sign = order === "descending" ? -1 : 1;
    for (const body of board.tBodies) {
      const rows = [...body.querySelectorAll("tr:not(.model)")];
      rows.sort((a, b) => compare(a.cells[column].dataset.order, b.cells[column].dataset.order, sign));
      body.append(...rows);
    }
  }

  function compare(a, b, sign) {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const numbers = Number(a) - Number(b);
    return sign * (Number.isNaN(numbers) ? a.localeCompare(b) : numbers);
  }

  board.querySelectorAll(".sort").forEach((button) => button.addEventListener("click", () => sort(button)));

  // ---------------------------------------------------------------- as text

  /** Rows of the visible columns that are numbers or words: the first is the heading. */
  function rows() {
    const kept = heads.map((head, index) => index)
      .filter((index) => !heads[index].classList.contains("off") && !heads[index].classList.contains("bar"));
    const several = new Set(heads.map((head) => head.dataset.in).filter((group) => group)).size > 1;
    const title = (head) => (several && head.dataset.in ? head.dataset.in + ": " : "") + head.dataset.title;
    const models = board.tBodies[0].dataset.model !== "";
    const table = [[...(models ? ["Model"] : []), "Checkpoint", ...kept.map((index) => title(heads[index]))]];
    for (const body of board.tBodies) {
      for (const row of body.querySelectorAll("tr:not(.model)")) {
        const cells = kept.map((index) => written(row.cells[index + 1]));
        table.push([...(models ? [body.dataset.model] : []), row.cells[0].dataset.text, ...cells]);
      }
    }
    return table;
  }

  function written(cell) {
    const details = [...cell.querySelectorAll("small")].map((line) => line.textContent);
    const text = [...cell.childNodes].filter((node) => node.nodeName !== "SMALL").map((node) => node.textContent).join("");
    return text.trim() + (details.length ? ` (${details.join(", ")})` : "");
  }

  function markdown(table) {
    const lines = table.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
    lines.splice(1, 0, `|${table[0].map((_, index) => (index ? "---:" : "---")).join("|")}|`);
    return lines.join("\n");
  }

  const TEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "&": "\\&", "%": "\\%", "#": "\\#", "_": "\\_", "$": "\\$",
    "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "$<$", ">": "$>$", "\u2212": "$-$", "\u2013": "--",
    "\u25b2": "$\\uparrow$", "\u25bc": "$\\downarrow$",
  };

  function latex(table) {
    const tex = (cell) => cell.replace(/[\\{}&%#_$~^<>\u2212\u2013\u25b2\u25bc]/g, (found) => TEX[found]);
    const lines = table.map((cells) => `${cells.map(tex).join(" & ")} \\\\`);
    return [
      `\\begin{tabular}{l${"r".repeat(table[0].length - 1)}}`, "\\hline", lines[0], "\\hline", ...lines.slice(1), "\\hline",
      "\\end{tabular}",
    ].join("\n");
  }

  document.querySelectorAll("button[data-copy]").forEach((button) => button.addEventListener("click", async () => {
    const box = document.getElementById("copy-text");
    box.value = button.dataset.copy === "latex" ? latex(rows()) : markdown(rows());
    box.hidden = false;
    box.select();
    const copied = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(box.value);
      copied.textContent = "Copied.";
    } catch {
      copied.textContent = "The browser forbids copying by script: the text below is selected, copy it by hand.";
    }
  }));
})();
