// Draws the studies that a filter leaves, a page at a time. molreCohort stands above.
// Everything from the data becomes text or an attribute, never markup.
"use strict";
(() => {
  const { perPage, facts, strip, words, studies } = molreCohort;
  const word = (number) => words[number];
  const all = studies.map((s) => ({
    key: s[0], path: s[1], count: s[2], slices: s[3], share: s[4], score: s[5],
    covered: s[6], marks: s[7], badges: s[8], facts: s[9], sections: s[10],
    text: (s[0] + " " + s[1]).toLowerCase(),
  }));
  const controls = document.getElementById("controls");
  const list = document.getElementById("studies");
  const pager = document.querySelector(".pager");
  const chips = [...controls.querySelectorAll(".chips button")];
  const { find, sort, page } = controls.elements;
  const missing = Infinity; // an unknown number sorts last
  const orders = {
    flags: (a, b) => b.marks.length - a.marks.length,
    score: (a, b) => (a.score ?? missing) - (b.score ?? missing),
    covered: (a, b) => (a.covered ?? missing) - (b.covered ?? missing),
  };
  let found = all;

  function make(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function line([text, more, title]) {
    const item = make("li", { title: word(title) }, word(text));
    if (word(more)) item.append(make("span", { class: "remedy" }, ": " + word(more)));
    return item;
  }

  function article(study) {
    const badges = study.badges.map(([kind, text, said]) =>
      make("span", { class: "badge " + word(kind), title: word(said) }, word(text)));
    const image = make("img", {
      src: "sheet/" + encodeURIComponent(study.key) + ".jpg", loading: "lazy",
      width: strip[0], height: strip[1],
      alt: `${study.slices.length} of ${study.count} slices of ${study.key}, ` +
        "brain window above, bone window below",
    });
    const numbers = make("ol", { "aria-label": "slice numbers" },
      ...study.slices.map((number) => make("li", {}, String(number))));
    const checked = study.facts.map((value, index) =>
      make("div", {}, make("dt", {}, facts[index]), make("dd", {}, word(value))));
    const sections = study.sections.map(([title, lines]) =>
      make("section", {}, make("h3", {}, word(title)), make("ul", {}, ...lines.map(line))));
    const width = make("div", {}, image, numbers);
    width.style.setProperty("--share", study.share);
    const where = study.path ? [make("details", { class: "where" },
      make("summary", {}, "Where it is"), make("code", {}, study.path))] : [];
    return make("article", { class: "study", id: study.key },
      make("header", {}, make("h2", {}, study.key),
        make("div", { class: "badges" }, ...badges)),
      make("div", { class: "strip" }, width),
      make("div", { class: "about" }, make("dl", { class: "qc" }, ...checked),
        make("div", { class: "columns" }, ...sections), ...where));
  }

  const pressed = () => chips.filter((chip) => chip.getAttribute("aria-pressed") === "true");
  const pages = () => Math.max(1, Math.ceil(found.length / perPage));
  const shown = (number) => number.toLocaleString("en");

  function search() {
    const wanted = pressed().map((chip) => words.indexOf(chip.value));
    const text = find.value.trim().toLowerCase();
    found = all.filter((study) =>
      study.text.includes(text) && wanted.every((mark) => study.marks.includes(mark)));
    if (orders[sort.value]) found = found.slice().sort(orders[sort.value]);
  }

  function say() {
    const last = pages();
    const from = (page.value - 1) * perPage;
    const to = Math.min(found.length, from + perPage);
    const range = found.length ? `${shown(from + 1)} to ${shown(to)} of ` : "";
    page.max = last;
    controls.querySelector(".found").textContent =
      found.length ? `${range}${shown(found.length)} studies` : "No study matches.";
    pager.querySelector(".found").textContent = `page ${shown(Number(page.value))} of ${shown(last)}`;
    pager.querySelector("[data-step='-1']").disabled = page.value <= 1;
    pager.querySelector("[data-step='1']").disabled = page.value >= last;
  }

  function draw(number) {
    page.value = Math.min(Math.max(1, number || 1), pages());
    const from = (page.value - 1) * perPage;
    list.replaceChildren(...found.slice(from, from + perPage).map(article));
    say();
    keep();
  }

  // the address keeps what is looked at, for a reload and for a colleague
  function keep() {
    const state = new URLSearchParams();
    if (find.value) state.set("find", find.value);
    for (const chip of pressed()) state.append("with", chip.value);
    if (sort.value !== "path") state.set("sort", sort.value);
    if (page.value > 1) state.set("page", page.value);
    try {
      history.replaceState(null, "", "#" + state);
    } catch { /* some browsers forbid this for files */ }
  }

  function restore() {
    const address = location.hash.slice(1);
    const place = all.findIndex((study) => study.key === address);
    if (place >= perPage) {
      draw(Math.floor(place / perPage) + 1);
      document.getElementById(address).scrollIntoView();
      return true;
    }
    const state = new URLSearchParams(location.hash.slice(1));
    if (!["find", "with", "sort", "page"].some((name) => state.has(name))) return false;
    find.value = state.get("find") ?? "";
    sort.value = orders[state.get("sort")] ? state.get("sort") : "path";
    const names = state.getAll("with");
    for (const chip of chips) chip.setAttribute("aria-pressed", names.includes(chip.value));
    search();
    draw(Number(state.get("page")));
    return true;
  }

  function changed() {
    search();
    draw(1);
  }

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
      changed();
    });
  }
  find.addEventListener("input", changed);
  sort.addEventListener("change", changed);
  page.addEventListener("change", () => draw(Math.trunc(Number(page.value))));
  controls.addEventListener("submit", (event) => event.preventDefault());
  for (const button of pager.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      draw(Number(page.value) + Number(button.dataset.step));
      controls.scrollIntoView();
    });
  }
  if (all.length > 1) {
    controls.hidden = false;
    pager.hidden = all.length <= perPage;
  }
  find.value = "";
  sort.value = "path";
  page.value = 1;
  if (!restore()) say();
})();
