"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const payload = byId("trajectories-data");
  if (!payload) return;

  const ROW_PX = 46; // as in the style sheet
  const LONG = 20000; // characters of a text that are shown at once, and of a program that are coloured
  let entries = null;
  let groups = {};
  let shown = [];
  let current = null;
  let beside = null;
  let view = "text"; // of episodes with tokens: text, mask or advantages

  // ---------------------------------------------------------------- text

  /** Characters that draw nothing, or turn the direction of others, are written as their numbers. */
  const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  const visible = (text) => String(text).replace(unseen, (found) => `\\u{${found.charCodeAt(0).toString(16)}}`);

  /** An element with text: the only way text from the store reaches the page. */
  function element(tag, kind, text) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined && text !== null) made.textContent = visible(text);
    return made;
  }

  function button(text, act, kind) {
    const made = element("button", kind, text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  /** A text of any length: long ones start with their beginning and a button for the rest. */
  function block(tag, kind, text, fill = (part) => [visible(part)]) {
    const made = element(tag, kind);
    made.append(...fill(text.slice(0, LONG)));
    if (tag === "pre") made.tabIndex = 0; // it may scroll
    if (text.length > LONG) {
      const more = button(`show all ${text.length.toLocaleString("en")} characters`, () => made.replaceChildren(visible(text)));
      made.append("\n", more);
    }
    return made;
  }

  const plural = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
  const signed = (value) => (value > 0 ? "+" : "") + Number(value.toPrecision(3));
  const outcome = (right) => element("span", right ? "right" : "wrong", right ? "right" : "wrong");

  // ---------------------------------------------------------------- data

  async function load() {
    if (entries) return;
    const decoded = await window.unpacked(payload);
    if (entries) return;
    ({ entries, groups } = decoded);
    filter();
  }

  /** What the search looks through, made when it is first asked for. */
  function words(entry) {
    entry.words ??= JSON.stringify({ ...entry.record, tokens: null }).toLowerCase() + entry.id.toLowerCase();
    return entry.words;
  }

  // ---------------------------------------------------------------- list

  const tests = {
    run: (entry, value) => entry.run === value,
    seed: (entry, value) => String(entry.seed) === value,
    set: (entry, value) => entry.set === value,
    task: (entry, value) => entry.task === value,
    outcome: (entry, value) => entry.correct === (value === "right"),
    stop: (entry, value) => entry.stop_reason === value,
    error: (entry, value) => entry.errors.includes(value),
    calls: (entry, value) => String(entry.calls) === value,
    text: (entry, value) => words(entry).includes(JSON.stringify(value.toLowerCase()).slice(1, -1)),
  };

  function filter() {
    const wanted = Object.entries(tests).map(([name, test]) => [byId("filter-" + name).value, test]).filter(([value]) => value);
    shown = entries.filter((entry) => wanted.every(([value, test]) => test(entry, value)));
    byId("count").textContent = shown.length.toLocaleString("en") + (shown.length === 1 ? " trajectory" : " trajectories");
    byId("items").style.height = shown.length * ROW_PX + "px";
    byId("scroller").scrollTop = 0;
    drawRows();
    if (!shown.includes(current)) open(shown[0] || null, false);
  }

  /** Only the rows in view are in the page, so that thousands scroll as a few do. */
  function drawRows() {
    const scroller = byId("scroller");
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW_PX) - 4);
    const last = Math.min(shown.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW_PX) + 4);
    const rows = Array.from({ length: Math.max(0, last - first) }, (_, index) => item(shown[first + index], first + index));
    byId("items").replaceChildren(...rows);
  }

  function item(entry, index) {
    const made = button("", () => open(entry, true));
    const mark = element("span", entry.correct ? "right" : "wrong", entry.correct ? "\u2713 " : "\u2717 ");
    const place = entry.set === "training" ? `step ${entry.record.step} \u00b7 ` : "";
    const facts = `${entry.run} \u00b7 seed ${entry.seed} \u00b7 ${place}${plural(entry.calls, "call")}`;
    made.append(mark, visible(entry.question_id), element("small", "", facts));
    made.setAttribute("aria-current", String(entry === current));
    const row = element("li");
    row.style.top = index * ROW_PX + "px";
    row.setAttribute("aria-setsize", shown.length);
    row.setAttribute("aria-posinset", index + 1);
    row.dataset.index = index;
    row.append(made);
    return row;
  }

  function open(entry, named) {
    current = entry;
    for (const row of byId("items").children) {
      row.firstChild.setAttribute("aria-current", String(shown[row.dataset.index] === entry));
    }
    draw();
    byId("pane").scrollTop = 0;
    if (entry && named) name();
  }

  function name() {
    const pinned = beside && beside !== current ? "&with=" + encodeURIComponent(beside.id) : "";
    history.replaceState(null, "", "#t=" + encodeURIComponent(current.id) + pinned);
  }

  function keepBeside(entry) {
    beside = entry;
    draw();
    name();
  }

  function step(by) {
    const index = Math.min(shown.length - 1, Math.max(0, shown.indexOf(current) + by));
    if (index < 0) return;
    const scroller = byId("scroller");
    const top = index * ROW_PX;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + ROW_PX > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + ROW_PX - scroller.clientHeight;
    drawRows();
    open(shown[index], true);
  }

  // ---------------------------------------------------------------- one trajectory, or two side by side

  function draw() {
    const two = beside && current && beside !== current;
    byId("pane").classList.toggle("two", Boolean(two));
    const none = element("p", "quiet", "No trajectory fits these filters.");
    byId("pane").replaceChildren(...(two ? [article(beside), article(current)] : current ? [article(current)] : [none]));
  }

  function article(entry) {
    const { question, reference, trajectory } = entry.record;
    const made = element("article");
    const head = element("h3", "", entry.question_id + " ");
    head.append(outcome(entry.correct));
    const kept = entry === beside;
    const pin = button(kept ? "Put away" : "Keep beside", () => keepBeside(kept ? null : entry), "pin");
    const answers = element("div", "answers");
    answers.append(
      element("span", "", "answer"), block("code", entry.correct ? "right" : "wrong", String(trajectory.answer ?? "(none)")),
      element("span", "", "reference"), block("code", "", String(reference ?? "(not kept)")),
    );
    const asked = typeof question === "string" ? question : question?.text ?? "";
    made.append(pin, head, facts(entry), block("p", "question", asked));
    if (entry.record.tokens) made.append(views(entry));
    if (entry.record.tokens && view !== "text") made.append(...overlay(entry));
    else {
      let number = 0;
      for (const turn of trajectory.turns || []) made.append(...turnParts(turn, () => (number += 1)));
    }
    made.append(answers, ...attempts(entry));
    if (trajectory.text) {
      const whole = element("details");
      whole.append(element("summary", "", "The whole episode as the model saw it"), block("pre", "", trajectory.text));
      made.append(whole);
    }
    return made;
  }

  function facts(entry) {
    const { trajectory } = entry.record;
    const terms = Object.entries(trajectory.rewards || {}).map(([name, value]) => `${name} ${value}`).join(", ");
    const made = element("p", "facts");
    const all = [
      entry.run, `seed ${entry.seed}`, entry.set === "training" ? `training step ${entry.record.step}` : `${entry.set} questions`,
      trajectory.agent, trajectory.temperature === undefined ? "" : `temperature ${trajectory.temperature}`,
      trajectory.generated_tokens === undefined ? "" : plural(trajectory.generated_tokens, "token"),
      `ended by ${entry.stop_reason.replaceAll("_", " ")}`, terms && `reward ${entry.reward} (${terms})`,
      entry.advantage === null ? "" : `advantage ${signed(entry.advantage)}`,
    ];
    made.append(...all.filter(Boolean).map((fact) => element("span", "", fact)));
    return made;
  }

  function turnParts(turn, next) {
    const parts = [];
    const ran = turn.code !== null && turn.code !== undefined;
    const fence = ran ? turn.text.indexOf("```python") : -1;
    const before = (fence < 0 ? turn.text : turn.text.slice(0, fence)).trim();
    if (before) parts.push(block("p", "prose", before));
    if (ran) {
      parts.push(call(turn, next()));
      const end = fence < 0 ? -1 : turn.text.indexOf("```", fence + 9);
      const after = end < 0 ? "" : turn.text.slice(end + 3).trim();
      if (after) parts.push(block("p", "prose", after));
    }
    if ((turn.violations || []).length) {
      parts.push(element("p", "note", "format: " + turn.violations.join(", ").replaceAll("_", " ")));
    }
    return parts;
  }

  function call(turn, number) {
    const box = element("div", "call");
    const left = element("div");
    left.append(element("header", "", "program " + number), block("pre", "", turn.code, highlight));
    const right = element("div");
    const execution = turn.execution;
    const head = element("header");
    right.append(head);
    if (execution) {
      const good = execution.status === "ok";
      const exit = good || (execution.exit_code ?? null) === null ? "" : ` \u00b7 exit ${execution.exit_code}`;
      head.append(element("span", good ? "right" : "wrong", execution.status + exit));
      if (execution.wall_s !== undefined) head.append(element("span", "", `${Math.round(execution.wall_s * 1000)} ms`));
      if (execution.stdout) right.append(block("pre", "stdout", execution.stdout));
      if (execution.stdout_truncated) right.append(element("div", "cut", "output was cut here"));
      if (execution.stderr) right.append(block("pre", "stderr", execution.stderr));
      if (execution.stderr_truncated) right.append(element("div", "cut", "errors were cut here"));
      if (execution.reason) right.append(block("div", "cut", execution.reason));
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
    for (const [text, comment, string, digits, word] of visible(code).matchAll(token)) {
      const kind = comment ? "m" : string ? "s" : digits ? "n" : word && keywords.has(word) ? "k" : "";
      if (kind) parts.push(element("span", kind, text));
      else if (typeof parts.at(-1) === "string") parts[parts.length - 1] += text;
      else parts.push(text);
    }
    return parts;
  }

  // ---------------------------------------------------------------- what training made of it

  const VIEWS = ["text", "mask", "advantages"];

  function views(entry) {
    const box = element("div", "views");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "What is shown of " + entry.id);
    for (const name of VIEWS) {
      const made = button(name, () => { view = name; draw(); });
      made.setAttribute("aria-pressed", String(view === name));
      box.append(made);
    }
    return box;
  }

  function overlay(entry) {
    const { texts, mask, advantages, of } = entry.record.tokens;
    const sampled = mask.flatMap((length, run) => Array(length).fill(run % 2 === 1));
    const values = advantages || sampled.map((own) => (own ? entry.advantage : 0));
    const most = Math.max(1e-9, ...values.map(Math.abs), ...(groups[entry.group] || []).map((row) => Math.abs(row[3] ?? 0)));
    const box = element("pre", "tokens");
    box.tabIndex = 0;
    texts.forEach((text, at) => {
      const value = sampled[at] && view === "advantages" ? values[at] : 0;
      const sign = value > 0 ? " plus" : value < 0 ? " minus" : "";
      const made = element("span", (sampled[at] ? "own" : "given") + sign, text);
      made.title = `token ${at}: ` + (sampled[at] ? `sampled, advantage ${signed(values[at])}` : "not sampled, mask 0");
      if (value) made.style.setProperty("--share", Math.round((38 * Math.abs(value)) / most) + "%");
      box.append(made);
    });
    const counted = `${sampled.filter(Boolean).length} of ${plural(texts.length, "token")} were sampled and are trained on (underlined); ` +
      "prompt, template and the output of programs are not";
    const legend = view === "mask" ? "" : ` Advantage: green and a solid line above zero, red and a wavy line below, deeper for more; ` +
      (advantages ? "each token has its own." : `the same for every sampled token, ${signed(entry.advantage)}.`);
    const cut = of > texts.length ? ` Only the first ${plural(texts.length, "token")} of ${of} are here.` : "";
    return [element("p", "note", counted + "." + legend + cut), box];
  }

  /** The group with its rewards and advantages, then the same question by others. */
  function attempts(entry) {
    const here = new Map(entries.filter((other) => other.question_id === entry.question_id).map((other) => [other.id, other]));
    const group = groups[entry.group] || [];
    const own = new Set([entry.id, ...group.map(([id]) => id)]);
    const others = [...here.values()].filter((other) => !own.has(other.id)).slice(0, 40);
    const rows = [
      ...group.map(([id, correct, reward, advantage]) => attempt(here.get(id), id, entry, correct, reward, advantage)),
      ...others.map((other) => attempt(other, other.id, entry, other.correct, other.reward, other.advantage)),
    ];
    if (!rows.length) return [];
    const table = element("table", "attempts");
    const head = element("tr");
    for (const title of ["attempt", "", "reward", "advantage", ""]) {
      const cell = element(title ? "th" : "td", "", title);
      if (title) cell.scope = "col";
      head.append(cell);
    }
    const top = element("thead");
    top.append(head);
    const body = element("tbody");
    body.append(...rows);
    const group_ = group.length ? `${plural(group.length, "attempt")} of one group` : "";
    const caption = [group_, others.length ? `${others.length} more at the same question` : ""].filter(Boolean).join(", then ");
    table.append(element("caption", "", caption), top, body);
    const box = element("div", "scroll");
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", caption);
    box.append(table);
    return [box];
  }

  function attempt(other, id, entry, correct, reward, advantage) {
    const row = element("tr");
    const place = element("th");
    place.scope = "row";
    const sample = id.slice(id.lastIndexOf("/") + 1);
    const label = other && other.group !== entry.group ? `${other.run}, seed ${other.seed}, ${other.set} ${sample}` : `attempt ${sample}`;
    place.append(other && other !== entry ? button(label, () => open(other, true), "link") : visible(label));
    const right = element("td");
    right.append(outcome(correct));
    const actions = element("td");
    if (other && other !== entry) actions.append(button("beside", () => { beside = entry; open(other, true); }, "link"));
    else actions.append(element("span", "quiet", other ? "this one" : "not in this page"));
    row.append(place, right, element("td", "num", reward ?? ""), element("td", "num", (advantage ?? null) === null ? "" : signed(advantage)), actions);
    return row;
  }

  // ---------------------------------------------------------------- addresses, keys, links

  async function follow() {
    const match = /^#t=([^&]+)(?:&with=([^&]+))?$/.exec(location.hash);
    if (!match) return;
    await load();
    const [id, pinned] = match.slice(1).map((part) => part && decodeURIComponent(part));
    const entry = entries.find((candidate) => candidate.id === id);
    beside = entries.find((candidate) => candidate.id === pinned) || null;
    byId("trajectories").scrollIntoView();
    if (entry) open(entry, false);
    else byId("pane").replaceChildren(element("p", "quiet", `This page has no trajectory ${id}: it may have another sample.`));
  }

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    b: () => current && keepBeside(beside === current ? null : current),
    t: () => { view = VIEWS[(VIEWS.indexOf(view) + 1) % VIEWS.length]; draw(); },
    "/": () => { byId("trajectories").scrollIntoView(); byId("filter-text").focus(); },
    "?": () => byId("keys").showModal(),
  };

  for (const name of Object.keys(tests)) {
    byId("filter-" + name).addEventListener("input", () => { if (entries) filter(); });
  }
  byId("scroller").addEventListener("scroll", () => requestAnimationFrame(drawRows));
  byId("keys-close").addEventListener("click", () => byId("keys").close());
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (typing && event.key === "Escape") event.target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || typing || byId("keys").open || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    load().then(keys[event.key]);
  });
  document.querySelectorAll("a[data-task]").forEach((link) => link.addEventListener("click", async () => {
    await load();
    for (const name of Object.keys(tests)) byId("filter-" + name).value = "";
    const { run, task } = link.dataset;
    byId("filter-run").value = run;
    byId("filter-task").value = task;
    byId("filter-set").value = entries.find((entry) => entry.task === task && entry.set !== "training")?.set || "";
    filter();
  }));
  new IntersectionObserver((seen, observer) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    load();
  }, { rootMargin: "600px" }).observe(byId("trajectories"));
  window.addEventListener("hashchange", follow);
  window.addEventListener("resize", () => { if (entries) drawRows(); });
  window.addEventListener("unhandledrejection", (event) => {
    byId("failure").hidden = false;
    byId("failure").textContent = "The trajectories cannot be shown: " + event.reason;
  });
  follow();
})();
