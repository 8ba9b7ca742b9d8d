// One question at a time: what does this report say of this finding? Everything from the data
// becomes text, never markup. Decisions are kept by the number of the question, without any text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { sheet, states, reports, items, sides } = data;
  const key = "molre-sheet-" + sheet;
  const find = (id) => document.getElementById(id);
  const choices = [...find("choices").querySelectorAll("button")];
  const reader = find("reader");
  let decisions = items.map(() => null);
  let undone = []; // [question, what it was before]
  let at = 0;
  let unsaved = false; // since the last download
  let kept = true; // whether this browser keeps decisions

  function make(tag, name, ...children) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...children);
    return made;
  }

  function restore() {
    try {
      localStorage.setItem(key + "-probe", "1");
      localStorage.removeItem(key + "-probe");
      const told = JSON.parse(localStorage.getItem(key) || "null");
      if (told) take(told);
    } catch { kept = false; }
    find("not-kept").hidden = kept;
  }

  function take(told) {
    if (told.sheet !== sheet || !Array.isArray(told.decisions)) return false;
    decisions = items.map((_, i) => states.includes(told.decisions[i]) ? told.decisions[i] : null);
    if (typeof told.reader === "string") reader.value = told.reader;
    return true;
  }

  const state = () => ({ sheet, reader: reader.value.trim(), decisions });

  function keep() {
    unsaved = true;
    try { localStorage.setItem(key, JSON.stringify(state())); } catch {
      kept = false;
      find("not-kept").hidden = false;
    }
  }

  // marks are [start, end, side]; where two overlap, the text belongs to both
  function marked(text, marks) {
    const cuts = [...new Set([0, text.length, ...marks.flatMap(([a, b]) => [a, b])])]
      .sort((a, b) => a - b);
    return cuts.slice(1).map((end, n) => {
      const start = cuts[n];
      const by = marks.filter(([a, b]) => a <= start && end <= b).map((m) => m[2]);
      const part = text.slice(start, end);
      return by.length ? make("mark", [...new Set(by)].map((s) => "by" + s).join(" "), part) : part;
    });
  }

  function said(answer, place, decided) {
    const who = decided ? sides[answer.side] : place ? "The other" : "One labeler";
    const card = make("div", "said by" + place,
      make("span", "who", who), make("strong", "", answer.state.replace("_", " ")));
    if (answer.evidence) {
      card.append(make("q", "", answer.evidence));
      if (!answer.found) card.append(make("small", "", "not found word for word in the report"));
    } else card.append(make("small", "", "no words given"));
    return card;
  }

  function show(focus) {
    if (!items.length) return;
    const item = items[at];
    const decided = decisions[at];
    find("finding").textContent = item.name;
    find("definition").textContent = item.definition;
    find("study").textContent = item.study;
    find("place").textContent = `${at + 1} of ${items.length}`;
    find("says").replaceChildren(...item.answers.map((a, n) => said(a, n, decided)));
    find("report").replaceChildren(...marked(reports[item.report],
      item.answers.flatMap((a, n) => a.found ? [[...a.found, n]] : [])));
    for (const button of choices) {
      button.setAttribute("aria-pressed", String(button.value === decided));
    }
    find("back").disabled = at === 0;
    find("next").disabled = at === items.length - 1;
    count();
    if (focus) {
      find("finding").focus({ preventScroll: true });
      find("place").scrollIntoView({ block: "nearest" });
      const first = find("report").querySelector("mark");
      const box = find("report");
      box.scrollTop = first ? first.offsetTop - box.offsetTop - box.clientHeight / 3 : 0;
    }
  }

  function count() {
    const done = decisions.filter((d) => d).length;
    find("done").textContent = `${done} of ${items.length} decided`;
    find("bar").value = done;
    find("undo").disabled = !undone.length;
    find("all-done").hidden = done < items.length;
    for (const name of ["csv", "json"]) find(name).disabled = !done;
  }

  function announce(text) { find("live").textContent = text; }

  function go(to) {
    at = Math.min(Math.max(0, to), items.length - 1);
    show(true);
  }

  function open() {
    for (let step = 1; step <= items.length; step++) {
      const index = (at + step) % items.length;
      if (!decisions[index]) return go(index);
    }
    return show(true);
  }

  function decide(value) {
    undone.push([at, decisions[at]]);
    decisions[at] = value;
    keep();
    const item = items[at];
    const others = item.answers.map((a) => `${sides[a.side]}: ${a.state.replace("_", " ")}`);
    announce(`${item.name}: ${value.replace("_", " ")}. ${others.join(", ")}`);
    open();
  }

  function undo() {
    const last = undone.pop();
    if (!last) return;
    decisions[last[0]] = last[1];
    keep();
    announce(`Undone: ${items[last[0]].name}`);
    go(last[0]);
  }

  const cell = (text) => /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;

  function csv() {
    const rows = [["study", "finding", "state", "source", "labeller", "evidence"]];
    items.forEach((item, i) => {
      if (decisions[i]) {
        rows.push([item.study, item.finding, decisions[i], "reader", reader.value.trim(), ""]);
      }
    });
    return rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
  }

  function download(name, type, text) {
    const link = make("a", "");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = false;
    announce(`${name} was given to the browser to save`);
  }

  async function load(file) {
    try {
      if (!take(JSON.parse(await file.text()))) throw new Error();
      undone = [];
      keep();
      announce("Decisions loaded");
    } catch { announce("This file is not of this sheet; nothing was changed"); }
    show(false);
  }

  const keys = {
    j: () => go(at + 1), ArrowRight: () => go(at + 1),
    k: () => go(at - 1), ArrowLeft: () => go(at - 1),
    n: open, u: undo,
    ...Object.fromEntries(states.map((value, n) => [String(n + 1), () => decide(value)])),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !items.length) return;
    if (event.target.closest("input, textarea, select")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || !/[1-9u]/.test(event.key)) act();
  });
  for (const button of choices) button.addEventListener("click", () => decide(button.value));
  find("back").addEventListener("click", () => go(at - 1));
  find("next").addEventListener("click", () => go(at + 1));
  find("open").addEventListener("click", open);
  find("undo").addEventListener("click", undo);
  find("csv").addEventListener("click", () => download("decisions.csv", "text/csv", csv()));
  find("json").addEventListener("click", () =>
    download("decisions.json", "application/json", JSON.stringify(state())));
  find("load").addEventListener("change", (event) => {
    if (event.target.files[0]) load(event.target.files[0]);
    event.target.value = "";
  });
  reader.addEventListener("input", keep);
  window.addEventListener("beforeunload", (event) => { if (unsaved && !kept) event.preventDefault(); });

  restore();
  find("sheet").hidden = !items.length;
  find("bar").max = Math.max(1, items.length);
  at = Math.max(0, decisions.findIndex((d) => !d));
  show(false);
})();
