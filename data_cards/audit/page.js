"use strict";
// Shows one row after the other and keeps the verdicts in the browser. The rows themselves stand in the page.
(() => {
  const rows = [...document.querySelectorAll("article[data-case]")];
  const end = document.getElementById("end");
  const buttons = [...document.querySelectorAll(".verdicts button")];
  const parts = [...document.querySelectorAll("button.part")];
  const note = document.getElementById("note");
  const reader = document.getElementById("reader");
  const said = document.getElementById("said");
  const { release, digest } = document.body.dataset;
  const place = `editmill audit ${release} ${digest}`;
  const kinds = new Map(buttons.map((button) => [button.dataset.key, button.dataset.kind]));

  // verdicts: case_id -> { faults: [...] or null, note }; past: what to undo, the last one at the end
  const state = { at: 0, reader: reader.value, verdicts: {}, past: [] };

  const warn = (text) => {
    const box = document.getElementById("warning");
    box.textContent = text;
    box.hidden = false;
  };

  const load = () => {
    try {
      Object.assign(state, JSON.parse(localStorage.getItem(place) ?? "{}"));
    } catch {
      warn("This browser keeps nothing for this page: save before you close it.");
    }
    reader.value = state.reader;
  };

  const keep = () => {
    try {
      localStorage.setItem(place, JSON.stringify(state));
    } catch {
      warn("This browser keeps nothing for this page: save before you close it.");
    }
  };

  const row = () => rows[state.at];
  const verdictOf = (article) => state.verdicts[article.dataset.case] ?? { faults: null, note: "" };
  const isJudged = (article) => verdictOf(article).faults !== null;

  const draw = () => {
    rows.forEach((article, at) => { article.hidden = at !== state.at; });
    end.hidden = state.at < rows.length;
    const { faults, note: words } = row() ? verdictOf(row()) : { faults: null, note: "" };
    for (const button of buttons) {
      const { kind } = button.dataset;
      const isOn = faults !== null && (kind === "" ? faults.length === 0 : faults.includes(kind));
      button.setAttribute("aria-pressed", String(isOn));
      button.disabled = !row();
    }
    note.value = words;
    note.disabled = !row();
    document.getElementById("undo").disabled = state.past.length === 0;
    document.getElementById("back").disabled = state.at === 0;
    document.getElementById("next").disabled = !row();
    for (const part of parts) {
      const own = rows.filter((article) => article.dataset.category === part.dataset.category);
      const done = own.filter(isJudged).length;
      part.querySelector(".count").textContent = `${done} / ${own.length}`;
      part.querySelector(".bar span").style.inlineSize = `${(100 * done) / own.length}%`;
      if (row()?.dataset.category === part.dataset.category) part.setAttribute("aria-current", "true");
      else part.removeAttribute("aria-current");
    }
    const judged = rows.filter(isJudged);
    const faulty = judged.filter((article) => verdictOf(article).faults.length > 0).length;
    document.getElementById("outcome").textContent =
      `${judged.length} of ${rows.length} rows are judged: ${judged.length - faulty} fine, ${faulty} with a fault.`;
  };

  const go = (at) => {
    state.at = Math.max(0, Math.min(at, rows.length));
    keep();
    draw();
    scrollTo(0, 0);
    document.getElementById("rows").scrollTop = 0;
    (row() ?? end).querySelector("h2").focus({ preventScroll: true });
    said.textContent = row() ? `Row ${state.at + 1} of ${rows.length}` : "The end";
  };

  const set = (faults) => {
    const { case: id } = row().dataset;
    state.past.push({ at: state.at, id, faults: verdictOf(row()).faults });
    state.verdicts[id] = { ...verdictOf(row()), faults };
  };

  const judge = (kind, adds) => {
    if (!row()) return;
    const before = verdictOf(row()).faults ?? [];
    if (adds && kind) {
      const others = before.filter((one) => one !== kind);
      set(before.includes(kind) ? (others.length ? others : null) : [...before, kind]);
      keep();
      draw();
    } else {
      set(kind ? [kind] : []);
      go(state.at + 1);
    }
  };

  const undo = () => {
    const last = state.past.pop();
    if (!last) return;
    const known = state.verdicts[last.id];
    state.verdicts[last.id] = { ...known, faults: last.faults };
    go(last.at);
  };

  const save = () => {
    const verdicts = rows.filter(isJudged).map((article) => {
      const { faults, note: words } = verdictOf(article);
      const { case: id, words: hash } = article.dataset;
      return { case_id: id, words: hash, faults, ...(words ? { note: words } : {}) };
    });
    const text = JSON.stringify({ release, reader: state.reader, verdicts }, null, 1) + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `${release}-verdicts.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    said.textContent = `${verdicts.length} verdicts saved`;
  };

  const moves = {
    j: () => go(state.at + 1),
    ArrowRight: () => go(state.at + 1),
    k: () => go(state.at - 1),
    ArrowLeft: () => go(state.at - 1),
    u: undo,
    s: save,
    n: () => note.focus(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, textarea")) {
      if (event.key === "Escape") (row() ?? end).querySelector("h2").focus({ preventScroll: true });
      return;
    }
    // Shift changes what a digit key types, so the key is told by its place too.
    const typed = event.key.toLowerCase();
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
    const key = kinds.has(typed) ? typed : digit;
    if (kinds.has(key)) judge(kinds.get(key), event.shiftKey);
    else if (Object.hasOwn(moves, event.key)) moves[event.key]();
    else return;
    event.preventDefault();
  });

  buttons.forEach((button) => button.addEventListener("click", (event) => judge(button.dataset.kind, event.shiftKey)));
  parts.forEach((part) => part.addEventListener("click", () => {
    const own = rows.filter((article) => article.dataset.category === part.dataset.category);
    go(rows.indexOf(own.find((article) => !isJudged(article)) ?? own[0]));
  }));
  document.getElementById("back").addEventListener("click", moves.k);
  document.getElementById("next").addEventListener("click", moves.j);
  document.getElementById("undo").addEventListener("click", undo);
  document.getElementById("save").addEventListener("click", save);
  reader.addEventListener("input", () => { state.reader = reader.value; keep(); });
  note.addEventListener("input", () => {
    if (!row()) return;
    state.verdicts[row().dataset.case] = { ...verdictOf(row()), note: note.value };
    keep();
  });

  load();
  document.body.classList.add("scripted");
  go(state.at);
})();
