"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  window.addEventListener("error", (event) => {
    byId("failure").hidden = false;
    byId("failure").textContent = "A script of this report failed, so parts of it do not react: " + event.message;
  });

  /** An element with text: the only way text from the store reaches the page. */
  function element(tag, kind, text) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /** What an element holds as base64 of gzipped JSON. */
  window.unpacked = async (holder) => {
    const bytes = Uint8Array.from(atob(holder.textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };

  /** Call once when an element is about to be seen. */
  function whenSeen(target, act) {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        act();
      }
    }, { rootMargin: "200px" });
    observer.observe(target);
  }

  // ---------------------------------------------------------------- theme

  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const redraws = [];
  let themeOnScreen = "";

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : prefersDark.matches;
  }

  function showTheme() {
    byId("theme").textContent = isDark() ? "Light" : "Dark";
    byId("theme").setAttribute("aria-pressed", String(isDark()));
    redraws.forEach((redraw) => redraw());
  }

  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  prefersDark.addEventListener("change", showTheme);
  showTheme();

  // ---------------------------------------------------------------- where in the page

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const place = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.classList.remove("here"));
      links.get(entry.target.id)?.classList.add("here");
    }
  }, { rootMargin: "-80px 0px -70% 0px" });
  document.querySelectorAll("main > section").forEach((section) => place.observe(section));

  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("main details").forEach((details) => {
      if (!details.closest(".viewer")) details.open = true;
    });
    themeOnScreen = document.documentElement.dataset.theme || "";
    document.documentElement.dataset.theme = "light";
    showTheme();
  });
  window.addEventListener("afterprint", () => {
    if (themeOnScreen) document.documentElement.dataset.theme = themeOnScreen;
    else delete document.documentElement.dataset.theme;
    showTheme();
  });

  // ---------------------------------------------------------------- what scrolls can be reached by keys

  function reachable() {
    document.querySelectorAll("main .scroll, main details > table, main details > pre").forEach((box) => {
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    });
  }
  document.querySelectorAll("main details").forEach((details) => details.addEventListener("toggle", reachable));
  window.addEventListener("resize", reachable);
  reachable();

  // ---------------------------------------------------------------- a run that goes on

  const live = byId("live");
  if (live) {
    let timer = 0;
    const hold = (held) => {
      clearTimeout(timer);
      if (!held) timer = setTimeout(() => location.reload(), 1000 * Number(live.dataset.reloadS));
      byId("hold").setAttribute("aria-pressed", String(held));
    };
    byId("hold").addEventListener("click", () => hold(byId("hold").getAttribute("aria-pressed") !== "true"));
    hold(false);
  }

  // ---------------------------------------------------------------- copying

  document.querySelectorAll("button[data-copies]").forEach((button) => {
    const text = byId(button.dataset.copies);
    button.hidden = false;
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(text);
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Selected: copy it by hand";
      }
    });
  });

  // ---------------------------------------------------------------- parallel coordinates of sweeps

  function brushable(chart) {
    const strands = [...chart.querySelectorAll(".strand")];
    const ranges = new Map();
    const figure = chart.closest("figure");
    figure.querySelectorAll(".scripted").forEach((words) => { words.hidden = false; });
    const note = figure.querySelector(".brushed");
    const atFirst = note.textContent;

    function show() {
      const kept = strands.filter((strand) => {
        const places = strand.dataset.places.split(",");
        const keep = [...ranges].every(([axis, [low, high]]) => places[axis] !== "" && places[axis] >= low && places[axis] <= high);
        strand.classList.toggle("away", !keep);
        return keep;
      });
      const numbers = new Set(kept.map((strand) => strand.dataset.trial));
      figure.querySelectorAll("tr[data-trial]").forEach((row) => { row.hidden = !numbers.has(row.dataset.trial); });
      const listed = [...numbers].map(Number).sort((a, b) => a - b).join(", ");
      note.textContent = ranges.size ? `${numbers.size} of ${strands.length} trials: ${listed}` : atFirst;
    }

    chart.querySelectorAll(".brush").forEach((brush) => {
      const top = Number(brush.getAttribute("y")) + 6;
      const height = Number(brush.getAttribute("height")) - 12;
      const mark = document.createElementNS(chart.namespaceURI, "rect");
      for (const name of ["x", "width"]) mark.setAttribute(name, brush.getAttribute(name));
      mark.setAttribute("class", "range");
      let start = null;

      function place(event) {
        const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
        return Math.min(1, Math.max(0, 1 - (point.y - top) / height));
      }

      function select(event) {
        const [low, high] = [start, place(event)].sort((a, b) => a - b);
        const far = high - low > 0.01;
        if (far) ranges.set(Number(brush.dataset.axis), [low - 1e-4, high + 1e-4]);
        else ranges.delete(Number(brush.dataset.axis));
        mark.setAttribute("y", top + (1 - high) * height);
        mark.setAttribute("height", (high - low) * height);
        if (far) brush.before(mark);
        else mark.remove();
        show();
      }

      brush.addEventListener("pointerdown", (event) => {
        start = place(event);
        brush.setPointerCapture(event.pointerId);
      });
      brush.addEventListener("pointermove", (event) => { if (start !== null) select(event); });
      brush.addEventListener("pointerup", (event) => {
        select(event);
        start = null;
      });
    });
  }

  document.querySelectorAll("svg.parallel").forEach(brushable);

  // ---------------------------------------------------------------- learning curves

  const curves = byId("curves-data") ? JSON.parse(byId("curves-data").textContent) : {};
  const hidden = new Set();
  let smoothing = 0;

  function loadPlotly() {
    if (window.Plotly) return;
    document.head.append(element("script", "", byId("plotly").textContent));
  }

  /** plotly takes longer to start than a chart to draw, so it starts once the page is at rest. */
  if (byId("plotly")) {
    window.addEventListener("load", () => (window.requestIdleCallback || window.setTimeout)(loadPlotly));
  }

  /** Exponential mean, corrected for its start, as TensorBoard does it. */
  function smooth(values) {
    let sum = 0;
    let weight = 0;
    return values.map((value) => {
      sum = smoothing * sum + (1 - smoothing) * value;
      weight = smoothing * weight + (1 - smoothing);
      return sum / weight;
    });
  }

  const dashes = ["solid", "dot", "solid", "dash", "dashdot", "longdash", "longdashdot"];

  function traces(panel, colour) {
    const shown = panel.series.filter((series) => !hidden.has(series.label));
    const faint = shown.filter((series) => series.lines.length > 1).map((series) => ({
      x: series.lines.flatMap((line) => [...line.steps, null]), y: series.lines.flatMap((line) => [...smooth(line.values), null]),
      mode: "lines", opacity: 0.3, hoverinfo: "skip", line: { color: colour("c" + series.colour), width: 1 },
    }));
    const bold = shown.map((series) => ({
      x: series.mean.steps, y: smooth(series.mean.values), name: series.label,
      mode: series.mean.steps.length < 8 ? "lines+markers" : "lines", hovertemplate: "%{y:.4~g}",
      line: { color: colour("c" + series.colour), width: 2, dash: dashes[series.colour] },
    }));
    return [...faint, ...bold];
  }

  /** A range around a line that never moves, which plotly would draw between -1 and 1. */
  function flat(panel) {
    const values = panel.series.flatMap((series) => [series.mean, ...series.lines].flatMap((line) => line.values));
    const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    if (high - low > 1e-9 * Math.abs(high)) return {};
    const half = 0.1 * (Math.abs(high) || 1);
    return { range: [low - half, high + half] };
  }

  function layout(panel, colour) {
    const shown = panel.boundaries.filter((boundary) => !hidden.has(boundary.label));
    const axis = { gridcolor: colour("line"), zeroline: false, linecolor: colour("line"), tickfont: { size: 10.5 } };
    return {
      height: 190, margin: { l: 46, r: 8, t: 16, b: 24 }, showlegend: false, hovermode: "x unified",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 11, color: colour("soft") },
      hoverlabel: { bgcolor: colour("surface"), bordercolor: colour("line"), font: { color: colour("ink") } },
      xaxis: { ...axis, hoverformat: "d" }, yaxis: { ...axis, ...flat(panel), nticks: 5, exponentformat: "e" },
      shapes: shown.map((boundary) => ({
        type: "line", x0: boundary.step, x1: boundary.step, yref: "paper", y0: 0, y1: 1,
        line: { color: colour("c" + boundary.colour), width: 1, dash: "dot" },
      })),
      annotations: shown.map((boundary) => ({
        x: boundary.step, yref: "paper", y: 1, yanchor: "bottom", xanchor: "left", showarrow: false,
        text: "stage " + boundary.stage, font: { size: 9.5 },
      })),
    };
  }

  function drawPanel(box) {
    loadPlotly();
    const panel = curves[box.dataset.panel];
    const fresh = element("div");
    fresh.setAttribute("role", "img");
    fresh.setAttribute("aria-label", panel.title + ". " + panel.finding);
    const redraw = () => {
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue("--" + name).trim();
      window.Plotly.react(fresh, traces(panel, colour), layout(panel, colour), { displayModeBar: false, responsive: true });
    };
    box.replaceChildren(fresh);
    redraw();
    redraws.push(redraw);
  }

  /** One after the other, so that the first is there while the next are drawn. */
  let drawing = Promise.resolve();
  document.querySelectorAll("[data-panel]").forEach((box) => whenSeen(box, () => {
    drawing = drawing.then(() => drawPanel(box)).then(() => new Promise((done) => setTimeout(done)));
  }));

  document.querySelectorAll(".legend .run").forEach((button) => button.addEventListener("click", () => {
    const run = button.dataset.run;
    if (!hidden.delete(run)) hidden.add(run);
    button.setAttribute("aria-pressed", String(!hidden.has(run)));
    redraws.forEach((redraw) => redraw());
  }));
  byId("smoothing")?.addEventListener("input", (event) => {
    smoothing = Number(event.target.value);
    redraws.forEach((redraw) => redraw());
  });
})();
