"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  if (!byId("twin")) return;

  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const csv = (rows) => rows.map((row) => row.map(quoted).join(",") + "\n").join("");

  /** A column per figure, unrounded, and one for what stands below it in small letters. */
  function leaderboard() {
    const heads = [...byId("board").tHead.rows[1].cells];
    const columns = heads.map((head, index) => [head, index + 1]).filter(([head]) => head.dataset.title);
    const small = (cell) => [...cell.querySelectorAll("small")].map((line) => line.textContent).join("; ");
    const value = (cell) => cell.dataset.order ?? "";
    const names = columns.flatMap(([head]) => {
      const name = `${head.dataset.in}: ${head.dataset.title}`;
      return [name, `${name}, details`];
    });
    const rows = [...byId("board").tBodies].flatMap((body) => [...body.querySelectorAll("tr:not(.model)")].map((row) => [
      body.dataset.model, row.cells[0].dataset.text,
      ...columns.flatMap(([, index]) => [value(row.cells[index]), small(row.cells[index])]),
    ]));
    return csv([["model", "checkpoint", ...names], ...rows]);
  }

  /** A line per point; the mean over seeds has no seed. */
  function metrics() {
    const rows = Object.entries(JSON.parse(byId("curves-data").textContent)).flatMap(([panel, { series }]) =>
      series.flatMap(({ label, mean, lines }) => [mean, ...lines].flatMap((line) =>
        line.steps.map((step, index) => [panel, label, line.seed ?? "", step, line.values[index]]))));
    return csv([["metric", "run", "seed", "step", "value"], ...rows]);
  }

  async function trajectories() {
    const { entries } = await window.unpacked(byId("trajectories-data"));
    const lines = entries.map((entry) => JSON.stringify(entry) + "\n").join("");
    return new Response(new Blob([lines]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
  }

  const files = {
    "leaderboard.csv": ["board", leaderboard],
    "metrics.csv": ["curves-data", metrics],
    "trajectories.jsonl.gz": ["trajectories-data", trajectories],
  };

  document.querySelectorAll("button[data-download]").forEach((button) => {
    const name = button.dataset.download;
    const [needs, make] = files[name];
    button.hidden = !byId(needs);
    button.addEventListener("click", async () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([await make()]));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  });

  const beside = decodeURIComponent(location.pathname).split("/").pop().replace(/\.html$/, ".json");
  if (beside.endsWith(".json")) {
    byId("twin").href = encodeURIComponent(beside);
    byId("twin").textContent = beside;
    byId("twin").hidden = false;
  }
})();
