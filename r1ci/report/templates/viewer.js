"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const payload = byId("trajectories-data");
  if (!payload) return;

  let entries = null;
  let shown = [];
  let current = null;

  /** An element with text: the only way text from the store reaches the page. */
  function element(tag, kind, text) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined && text !== null) made.textContent = text;
    return made;
  }

  async function load() {
    if (entries) return;
    const bytes = Uint8Array.from(atob(payload.textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const decoded = JSON.parse(await new Response(stream).text());
    if (entries) return;
    entries = decoded;
    for (const entry of entries) entry.text = JSON.stringify(entry.record).toLowerCase();
    filter();
  }

  // ---------------------------------------------------------------- list

  const tests = {
    run: (entry, value) => entry.run === value,
    seed: (entry, value) => String(entry.seed) === value,
    task: (entry, value) => entry.task === value,
    outcome: (entry, value) => entry.correct === (value === "right"),
    stop: (entry, value) => entry.stop_reason === value,
    error: (entry, value) => entry.errors.includes(value),
    text: (entry, value) => entry.text.includes(value.toLowerCase()),
  };

  function filter() {
    const wanted = Object.entries(tests).map(([name, test]) => [byId("filter-" + name).value, test]).filter(([value]) => value);
    shown = entries.filter((entry) => wanted.every(([value, test]) => test(entry, value)));
    byId("count").textContent = shown.length + (shown.length === 1 ? " trajectory" : " trajectories");
    byId("items").replaceChildren(...shown.map(item));
    if (!shown.includes(current)) open(shown[0] || null, false);
  }

  function item(entry) {
    const button = element("button");
    button.type = "button";
    const mark = element("span", entry.correct ? "right" : "wrong", entry.correct ? "\u2713 " : "\u2717 ");
    const calls = entry.calls + (entry.calls === 1 ? " call" : " calls");
    button.append(mark, entry.question_id, element("small", "", `${entry.run} \u00b7 seed ${entry.seed} \u00b7 ${calls}`));
    button.setAttribute("aria-current", String(entry === current));
    button.addEventListener("click", () => open(entry, true));
    const row = element("li");
    row.append(button);
    return row;
  }

  function open(entry, named) {
    current = entry;
    [...byId("items").children].forEach((row, index) => {
      row.firstChild.setAttribute("aria-current", String(shown[index] === entry));
    });
    byId("pane").replaceChildren(...(entry ? detail(entry) : [element("p", "quiet", "No trajectory fits these filters.")]));
    byId("pane").scrollTop = 0;
    if (entry && named) history.replaceState(null, "", "#t=" + encodeURIComponent(entry.id));
  }

  function step(by) {
    const next = shown[Math.max(0, shown.indexOf(current) + by)];
    if (!next) return;
    open(next, true);
    byId("items").children[shown.indexOf(next)].scrollIntoView({ block: "nearest" });
  }

  // ---------------------------------------------------------------- one trajectory

  function detail(entry) {
    const { question, reference, trajectory } = entry.record;
    const facts = element("p", "facts");
    const rewards = Object.entries(trajectory.rewards || {}).map(([name, value]) => `${name} ${value}`);
    const words = [
      entry.run, `seed ${entry.seed}`, trajectory.agent, `temperature ${trajectory.temperature}`,
      `ended by ${entry.stop_reason.replaceAll("_", " ")}`, ...(rewards.length ? ["reward: " + rewards.join(", ")] : []),
    ];
    facts.append(...words.map((word) => element("span", "", word)));
    const head = element("h3", "", entry.question_id + " ");
    head.append(element("span", entry.correct ? "right" : "wrong", entry.correct ? "right" : "wrong"));
    const answers = element("div", "answers");
    answers.append(
      element("span", "", "answer"), element("code", entry.correct ? "right" : "wrong", trajectory.answer ?? "(none)"),
      element("span", "", "reference"), element("code", "", String(reference)),
    );
    const parts = [head, facts, element("p", "question", typeof question === "string" ? question : question?.text)];
    let number = 0;
    for (const turn of trajectory.turns || []) parts.push(...turnParts(turn, () => (number += 1)));
    parts.push(answers);
    if (trajectory.text) {
      const whole = element("details");
      whole.append(element("summary", "", "The whole episode as the model saw it"), element("pre", "", trajectory.text));
      parts.push(whole);
    }
    return parts;
  }

  function turnParts(turn, next) {
    const parts = [];
    const fence = turn.code === null || turn.code === undefined ? -1 : turn.text.indexOf("```python");
    const before = (fence < 0 ? turn.text : turn.text.slice(0, fence)).trim();
    if (before) parts.push(element("p", "prose", before));
    if (turn.code !== null && turn.code !== undefined) {
      parts.push(call(turn, next()));
      const end = fence < 0 ? -1 : turn.text.indexOf("```", fence + 9);
      const after = end < 0 ? "" : turn.text.slice(end + 3).trim();
      if (after) parts.push(element("p", "prose", after));
    }
    if ((turn.violations || []).length) {
      parts.push(element("p", "note", "format: " + turn.violations.join(", ").replaceAll("_", " ")));
    }
    return parts;
  }

  function call(turn, number) {
    const box = element("div", "call");
    const left = element("div");
    const leftHead = element("header", "", "program " + number);
    const code = element("pre");
    code.append(...highlight(turn.code));
    left.append(leftHead, code);
    const right = element("div");
    const execution = turn.execution;
    const head = element("header");
    right.append(head);
    if (execution) {
      const good = execution.status === "ok";
      const exit = execution.exit_code === null || good ? "" : ` \u00b7 exit ${execution.exit_code}`;
      head.append(element("span", good ? "right" : "wrong", execution.status + exit));
      head.append(element("span", "", `${Math.round((execution.wall_s || 0) * 1000)} ms`));
      if (execution.stdout) right.append(element("pre", "stdout", execution.stdout));
      if (execution.stdout_truncated) right.append(element("div", "cut", "output was cut here"));
      if (execution.stderr) right.append(element("pre", "stderr", execution.stderr));
      if (execution.stderr_truncated) right.append(element("div", "cut", "errors were cut here"));
      if (execution.reason) right.append(element("div", "cut", execution.reason));
      if (!execution.stdout && !execution.stderr) right.append(element("pre", "quiet", "(no output)"));
    } else {
      head.append(element("span", "", "not run"));
    }
    box.append(left, right);
    return box;
  }

  const keywords = new Set(("and as assert async await break class continue def del elif else except False finally for from " +
    "global if import in is lambda None nonlocal not or pass raise return True try while with yield").split(" "));
  const token = /(#[^\n]*)|("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(\b\d[\w.]*)|([A-Za-z_]\w*)|([\s\S])/g;

  function highlight(code) {
    const parts = [];
    for (const [text, comment, string, digits, word] of code.matchAll(token)) {
      const kind = comment ? "m" : string ? "s" : digits ? "n" : word && keywords.has(word) ? "k" : "";
      if (kind) parts.push(element("span", kind, text));
      else if (typeof parts.at(-1) === "string") parts[parts.length - 1] += text;
      else parts.push(text);
    }
    return parts;
  }

  // ---------------------------------------------------------------- addresses, keys, links

  async function follow() {
    const match = /^#t=(.+)$/.exec(location.hash);
    if (!match) return;
    await load();
    const id = decodeURIComponent(match[1]);
    const entry = entries.find((candidate) => candidate.id === id);
    if (!entry) return;
    if (!shown.includes(entry)) {
      for (const name of Object.keys(tests)) byId("filter-" + name).value = "";
      filter();
    }
    open(entry, false);
    byId("trajectories").scrollIntoView();
  }

  for (const name of Object.keys(tests)) {
    byId("filter-" + name).addEventListener("input", () => { if (entries) filter(); });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "j" || event.key === "k") load().then(() => step(event.key === "j" ? 1 : -1));
    if (event.key === "/") {
      event.preventDefault();
      byId("filter-text").focus();
    }
  });
  document.querySelectorAll("a[data-task]").forEach((link) => link.addEventListener("click", async () => {
    await load();
    for (const name of Object.keys(tests)) byId("filter-" + name).value = "";
    byId("filter-run").value = link.dataset.run;
    byId("filter-task").value = link.dataset.task;
    filter();
  }));
  new IntersectionObserver((seen, observer) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    load();
  }, { rootMargin: "600px" }).observe(byId("trajectories"));
  window.addEventListener("hashchange", follow);
  window.addEventListener("unhandledrejection", (event) => {
    byId("failure").hidden = false;
    byId("failure").textContent = "The trajectories cannot be shown: " + event.reason;
  });
  follow();
})();
