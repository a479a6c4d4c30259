"use strict";
// The page: table on the left, tabs on the right, labels and merges below. Text that came from a file is only ever set as
// textContent.

const byId = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const FIRST_COLUMNS = ["firing_rate", "snr", "amplitude_median", "isi_violations_ratio", "presence_ratio", "amplitude_cutoff"];
const TITLES = {firing_rate: "rate (Hz)", snr: "SNR", amplitude_median: "amplitude", isi_violations_ratio: "ISI viol.", presence_ratio: "presence", amplitude_cutoff: "ampl. cutoff"};
const TABS = [["unit", "Unit"], ["correlograms", "Correlograms"], ["similar", "Similar units"], ["metrics", "Metrics"], ["merges", "Merges"]];

let data, curation, etag = null;
const chosen = {units: [], tab: "unit", sort: ["depth", 1], filter: "", anchor: null};
let order = [];

async function inflate(base64OrBuffer) {
  let bytes = base64OrBuffer;
  if (typeof bytes === "string") bytes = Uint8Array.from(atob(bytes.trim()), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

function unpack(facts, buffer) {
  const types = {uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array, float32: Float32Array};
  for (const place of Object.values(facts.arrays)) {
    place.values = new types[place.dtype](buffer, place.offset, place.shape.reduce((a, b) => a * b, 1));
  }
  if (facts.arrays.pairs) {
    const pairs = facts.arrays.pairs.values;
    facts.pairAt = new Map();
    for (let i = 0; i < pairs.length / 2; i++) facts.pairAt.set(pairs[2 * i] * 65536 + pairs[2 * i + 1], i);
  }
  return facts;
}

async function fetched(name) {
  const answer = await fetch(name, {cache: "no-store"});
  if (!answer.ok) throw new Error(name + ": " + answer.status + " " + answer.statusText);
  return answer;
}

async function start() {
  let saved;
  if (byId("data-json").textContent.trim()) {
    data = unpack(JSON.parse(byId("data-json").textContent), await inflate(byId("data-bin").textContent));
    saved = JSON.parse(byId("curation-json").textContent);
  } else {
    const [facts, binary, state] = await Promise.all(["data.json", "data.bin.gz", "curation.json"].map(fetched));
    data = unpack(await facts.json(), await inflate(await binary.arrayBuffer()));
    etag = state.headers.get("ETag");
    saved = await state.json();
    byId("save").hidden = false;
    byId("save").className = "primary";
  }
  curation = new Curation(data);
  curation.load(saved);
  chosen.units = data.unit_ids.length ? [0] : [];
  byId("name").textContent = data.recording;
  for (const [key, title] of TABS) {
    const tab = byId("tabs").appendChild(make("button", "", title));
    tab.dataset.tab = key;
    tab.onclick = () => { chosen.tab = key; showRight(); };
  }
  makeLabelButtons();
  show();
  if (order.length) select([order[0]], order[0]);
  byId("table").focus();
  document.body.dataset.ready = "yes";
}

// --- left: the table ------------------------------------------------------------------------------------------

function columns() {
  const shown = FIRST_COLUMNS.filter((c) => data.columns.includes(c));
  const labels = curation.editable();
  return [
    {key: "id", title: "unit", text: true, value: (u) => data.unit_ids[u]},
    ...labels.map((name) => ({key: "label:" + name, title: name, text: true, chips: (u) => curation.values(u, name), value: (u) => curation.values(u, name).join(" ")})),
    {key: "auto", title: "rule", text: true, chips: (u) => [data.verdicts[u][0]], value: (u) => data.verdicts[u][0]},
    {key: "merge", title: "merge", text: true, chips: (u) => (curation.group(u) ? [mergeName(curation.group(u))] : []), value: (u) => (curation.group(u) ? mergeName(curation.group(u)) : "")},
    {key: "spikes", title: "spikes", value: (u) => data.n_spikes[u]},
    ...shown.map((c) => ({key: c, title: TITLES[c] || c, value: (u) => metric(u, c)})),
    ...(data.arrays.places_um ? [{key: "depth", title: "depth", value: (u) => Math.round(data.arrays.places_um.values[2 * u + 1])}] : []),
  ];
}

const metric = (u, name) => (data.columns.includes(name) ? data.metrics[data.columns.indexOf(name)][u] : null);
const mergeName = (group) => "⊕ " + group.units.map((i) => data.unit_ids[i]).join("+");

function matches(u) {
  return chosen.filter.split(/[\s,]+/).filter(Boolean).every((word) => {
    const test = word.match(/^(\w+)(<=|>=|<|>|=)(-?[\d.eE+-]+)$/);
    if (test) {
      const value = test[1] === "spikes" ? data.n_spikes[u] : metric(u, test[1]);
      if (value === null) return false;
      const limit = Number(test[3]);
      return {"<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit, "=": value === limit}[test[2]];
    }
    const labels = Object.values(curation.labels[u]).flat().map((v) => v.toLowerCase());
    return String(data.unit_ids[u]) === word || labels.includes(word.toLowerCase()) || data.verdicts[u][0] === word || (word === "unlabelled" && !curation.editable().some((n) => curation.values(u, n).length));
  });
}

function sortUnits(all) {
  const column = all.find((c) => c.key === chosen.sort[0]) || all[0], direction = chosen.sort[1];
  const keys = data.unit_ids.map((_, u) => column.value(u));
  return data.unit_ids.map((_, u) => u).filter(matches).sort((a, b) => {
    const [x, y] = [keys[a], keys[b]];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const compared = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", {numeric: true});
    return direction * compared || a - b;
  });
}

function chip(text, kind) {
  const known = ["good", "MUA", "noise", "artifact", "pass", "fail", "unknown"];
  return make("span", "chip " + (kind || (known.includes(text) ? text : "")), text);
}

function showTable() {
  const all = columns();
  order = sortUnits(all);
  const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const column of all) {
    const arrow = chosen.sort[0] === column.key ? (chosen.sort[1] > 0 ? " ▲" : " ▼") : "";
    const cell = head.appendChild(make("th", column.text ? "t" : "", column.title + arrow));
    cell.onclick = () => { chosen.sort = [column.key, chosen.sort[0] === column.key ? -chosen.sort[1] : 1]; showTable(); };
  }
  for (const u of order) {
    const line = body.insertRow();
    line.dataset.unit = data.unit_ids[u];
    line.onclick = (event) => click(u, event);
    for (const column of all) {
      const cell = line.insertCell();
      if (column.text) cell.className = "t";
      if (column.chips) column.chips(u).forEach((text) => cell.append(chip(text, column.key === "merge" ? "merge" : "")));
      else cell.textContent = short(column.value(u));
    }
    if (data.verdicts[u][1].length) line.title = data.verdicts[u][1].join("; ");
  }
  const place = byId("table").scrollTop;
  byId("table").replaceChildren(table);
  byId("table").scrollTop = place;
  byId("count").textContent = order.length + " of " + data.unit_ids.length + " units";
  markRows();
}

function markRows() {
  for (const line of byId("table").querySelectorAll("tbody tr")) {
    const u = curation.index.get(line.dataset.unit);
    line.className = (chosen.units.includes(u) ? "on " : "") + (chosen.anchor === u ? "current" : "");
  }
}

function click(u, event) {
  if (event.shiftKey && chosen.anchor !== null && order.includes(chosen.anchor)) {
    const [a, b] = [order.indexOf(chosen.anchor), order.indexOf(u)].sort((x, y) => x - y);
    select(order.slice(a, b + 1), chosen.anchor);
  } else if (event.ctrlKey || event.metaKey) {
    select(chosen.units.includes(u) ? chosen.units.filter((i) => i !== u) : [...chosen.units, u], u);
  } else select([u], u);
}

function select(units, anchor) {
  storeNote();
  chosen.units = units;
  chosen.anchor = anchor;
  markRows();
  showRight();
  showFooter();
}

function move(step, extend) {
  const at = order.indexOf(chosen.anchor);
  const next = order[Math.min(Math.max(at + step, 0), order.length - 1)];
  if (next === undefined) return;
  select(extend ? [...new Set([...chosen.units, next])] : [next], next);
  const line = byId("table").querySelectorAll("tbody tr")[order.indexOf(next)];
  if (line) line.scrollIntoView({block: "nearest"});
}

// --- right: the tabs ------------------------------------------------------------------------------------------

function showRight() {
  for (const tab of byId("tabs").children) tab.className = tab.dataset.tab === chosen.tab ? "on" : "";
  byId("view").replaceChildren(...VIEWS[chosen.tab](chosen.units.slice(0, 8)));
}

const VIEWS = {
  unit(units) {
    const grid = make("div", "grid");
    const first = units[units.length - 1];
    if (first === undefined) return [make("p", "hint", "Select a unit in the table.")];
    const middle = units.length > 1 ? crosscorrelogram(data, units[0], units[1]) : autocorrelogram(data, first, 0);
    grid.append(drawWaveforms(data, units), middle, drawAmplitudes(data, units), drawPlaces(data, units, dotColor, click));
    const reasons = data.verdicts[first][1];
    const why = make("p", "hint", "unit " + data.unit_ids[first] + ": rule " + data.verdicts[first][0] + (reasons.length ? " because " + reasons.join("; ") : ""));
    return [why, grid];
  },
  correlograms(units) {
    if (!data.arrays.autocorrelograms) return [make("p", "hint", "Correlograms were not computed.")];
    const matrix = make("div", "matrix");
    matrix.style.gridTemplateColumns = "repeat(" + Math.max(units.length, 1) + ", minmax(0, 1fr))";
    units.forEach((a, i) => units.forEach((b) => matrix.append(a === b ? autocorrelogram(data, a, i) : crosscorrelogram(data, a, b))));
    const parts = [make("p", "hint", "Of the selected units (at most 8; add with Ctrl or Shift and a click). Counts of each at its own scale."), matrix];
    if (units.length === 1) {
      const box = make("div", "matrix");
      box.append(drawIntervals(data, units[0]));
      parts.push(box);
    }
    return parts;
  },
  similar(units) {
    const u = units[units.length - 1];
    if (u === undefined || !data.arrays.similar) return [make("p", "hint", data.arrays.similar ? "Select a unit." : "Similarity was not computed.")];
    const pairs = data.arrays.similar.values, values = data.arrays.similarity.values, others = [];
    for (let i = 0; i < values.length; i++) {
      if (pairs[2 * i] === u) others.push([pairs[2 * i + 1], values[i] / 255]);
      if (pairs[2 * i + 1] === u) others.push([pairs[2 * i], values[i] / 255]);
    }
    others.sort((a, b) => b[1] - a[1]);
    const parts = [make("p", "hint", "Units whose templates are like that of unit " + data.unit_ids[u] + ", most similar first.")];
    for (const [other, similarity] of others.slice(0, 12)) {
      const line = make("div", "matrix");
      line.style.gridTemplateColumns = "150px repeat(3, minmax(0, 1fr))";
      const text = make("div");
      text.append(make("div", "", "unit " + data.unit_ids[other] + ", similarity " + similarity.toFixed(2)));
      const both = make("button", "", "select both");
      both.onclick = () => { chosen.tab = "unit"; select([u, other], u); };
      const merge = make("button", "", "merge");
      merge.onclick = () => { curation.merge([u, other]); show(); };
      text.append(both, " ", merge);
      line.append(text, drawWaveforms(data, [u, other]), autocorrelogram(data, other, 1), crosscorrelogram(data, u, other));
      parts.push(line);
    }
    if (!others.length) parts.push(make("p", "hint", "None is."));
    return parts;
  },
  metrics(units) {
    const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    head.append(make("th", "t", "metric"), ...units.map((u) => make("th", "", "unit " + data.unit_ids[u])));
    data.columns.forEach((name, c) => {
      const line = body.insertRow();
      line.append(make("td", "t", name), ...units.map((u) => make("td", "", short(data.metrics[c][u]))));
    });
    const reasons = units.flatMap((u) => data.verdicts[u][1].map((r) => make("p", "reason", "unit " + data.unit_ids[u] + ": " + r)));
    return [make("p", "hint", data.rule ? "Rule: " + data.rule : ""), ...reasons, table];
  },
  merges() {
    const parts = [make("p", "hint", curation.merges.length ? "Applied, each group becomes one unit with the first unit's id and the labels of all." : "No merges. Select units and press M.")];
    for (const group of curation.merges) {
      const line = make("p", "", mergeName(group) + " ");
      const select_ = make("button", "", "show"), undo = make("button", "", "unmerge");
      select_.onclick = () => { chosen.tab = "unit"; select([...group.units], group.units[0]); };
      undo.onclick = () => { curation.unmerge([...group.units]); show(); };
      line.append(select_, " ", undo);
      parts.push(line);
    }
    for (const merged of data.merged || []) {
      parts.push(make("p", "hint", "unit " + merged.unit_id + " (of " + merged.members.join(", ") + "), as applied: rule " + merged.label + (merged.reasons.length ? " because " + merged.reasons.join("; ") : "") +
        "; " + Object.entries(merged.metrics).map(([name, value]) => name + " " + short(value)).join(", ")));
    }
    return parts;
  },
};

function dotColor(u) {
  const label = curation.editable().flatMap((name) => curation.values(u, name))[0];
  return {good: "#1b7a4f", noise: "#b3261e", artifact: "#b3261e", MUA: "#8a6100"}[label] || FAINT;
}

// --- below: labels, merges, notes -----------------------------------------------------------------------------

function labelKeys() {
  return curation.editable().flatMap((name) => curation.definitions[name].label_options.map((value) => [name, value]));
}

function makeLabelButtons() {
  byId("labels").replaceChildren(...labelKeys().map(([name, value], i) => {
    const button = make("button");
    if (i < 9) button.append(make("kbd", "", String(i + 1)));
    button.append(value);
    button.dataset.value = value;
    button.title = name + ": replaces the label; with Shift it is added";
    button.onclick = (event) => setLabel(i, event.shiftKey);
    return button;
  }));
}

function setLabel(i, more) {
  const entry = labelKeys()[i];
  if (!entry || !chosen.units.length) return;
  curation.label(chosen.units, entry[0], entry[1], more);
  show();
}

function showFooter() {
  const units = chosen.units;
  byId("selected").textContent = units.length === 1 ? "unit " + data.unit_ids[units[0]] : units.length + " units";
  labelKeys().forEach(([name, value], i) => byId("labels").children[i].classList.toggle("on", units.length > 0 && units.every((u) => curation.values(u, name).includes(value))));
  byId("merge").disabled = units.length < 2;
  byId("unmerge").disabled = !units.some((u) => curation.group(u));
  byId("note").disabled = units.length !== 1;
  byId("note").value = units.length === 1 ? curation.notes[units[0]] || "" : "";
  byId("undo").disabled = !curation.past.length;
  const labelled = data.unit_ids.filter((_, u) => curation.editable().some((name) => curation.values(u, name).length)).length;
  byId("summary").textContent = data.unit_ids.length + " units, " + labelled + " labelled, " + curation.merges.length + (curation.merges.length === 1 ? " merge" : " merges") + (curation.dirty ? ", not saved" : "");
}

function storeNote() {
  if (curation && chosen.units.length === 1 && !byId("note").disabled) curation.note(chosen.units[0], byId("note").value);
}

function show() {
  showTable();
  showRight();
  showFooter();
}

// --- files ----------------------------------------------------------------------------------------------------

function tell(text, isError) {
  byId("message").textContent = text;
  byId("message").className = isError ? "error" : "";
}

const asText = () => JSON.stringify(curation.dump(), null, 1) + "\n";

function download() {
  storeNote();
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([asText()], {type: "application/json"}));
  link.download = data.recording.replace(/[^\w.-]+/g, "_") + "_curation.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  curation.dirty = false;
  showFooter();
  tell("downloaded " + link.download);
}

async function save() {
  storeNote();
  try {
    const answer = await fetch("curation.json", {method: "PUT", body: asText(), headers: {"Content-Type": "application/json", ...(etag ? {"If-Match": etag} : {})}});
    const said = (await answer.text()).trim();
    if (!answer.ok) throw new Error(said || answer.status + " " + answer.statusText);
    etag = answer.headers.get("ETag");
    curation.dirty = false;
    showFooter();
    tell(said);
  } catch (error) {
    tell("not saved: " + error.message + " (Export as JSON keeps it)", true);
  }
}

async function openFile(file) {
  if (!file) return;
  try {
    curation.load(JSON.parse(await file.text()));
    makeLabelButtons();
    show();
    tell("opened " + file.name);
  } catch (error) {
    tell(file.name + ": " + error.message, true);
  }
}

function help() {
  const lines = ["1 to 9: label (Shift adds it to the others); M: merge; U: unmerge; N: note", "arrows: next unit (Shift: select more); Ctrl+A: select all shown; F: filter; S: most similar units",
    "Ctrl+Z: undo; Ctrl+E: export; Ctrl+S: " + (byId("save").hidden ? "export" : "save"), "The filter takes unit ids, labels, pass, fail, unlabelled and conditions such as snr>5."];
  const list = make("ul");
  lines.forEach((text) => list.append(make("li", "", text)));
  byId("dialog-text").replaceChildren(make("h2", "", "Keys"), list, make("p", "", "The file becomes part of the results by:"),
    make("p", "", "simsort apply-curation RESULTS " + (byId("save").hidden ? "FILE.json" : "visualization/RECORDING/curation/curation.json")));
  byId("dialog").showModal();
}

document.addEventListener("keydown", (event) => {
  if (!curation || byId("dialog").open) return;
  const typing = event.target instanceof HTMLInputElement;
  if (typing && (event.key === "Enter" || event.key === "Escape")) { event.target.blur(); byId("table").focus(); return; }
  const key = event.key.toLowerCase();
  let used = true;
  if (event.ctrlKey || event.metaKey) {
    if (key === "s") byId("save").hidden ? download() : save();
    else if (key === "e") download();
    else if (key === "z" && !typing) byId("undo").click();
    else if (key === "a" && !typing) select([...order], order[0] ?? null);
    else used = false;
  } else if (typing || event.altKey) used = false;
  else if (/^Digit[1-9]$/.test(event.code)) setLabel(Number(event.code[5]) - 1, event.shiftKey);
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
  else if (key === "m") byId("merge").click();
  else if (key === "u") byId("unmerge").click();
  else if (key === "n") byId("note").focus();
  else if (key === "f") byId("filter").focus();
  else if (key === "s") { chosen.tab = "similar"; showRight(); }
  else if (key === "?") help();
  else used = false;
  if (used) event.preventDefault();
});
byId("filter").oninput = (event) => { chosen.filter = event.target.value; showTable(); };
byId("note").onchange = () => { storeNote(); showFooter(); };
byId("merge").onclick = () => { if (chosen.units.length > 1) { curation.merge(chosen.units); show(); } };
byId("unmerge").onclick = () => { curation.unmerge(chosen.units); show(); };
byId("undo").onclick = () => { if (curation.undo()) show(); };
byId("download").onclick = download;
byId("save").onclick = save;
byId("help").onclick = help;
byId("open").onclick = () => byId("file").click();
byId("file").onchange = (event) => { openFile(event.target.files[0]); event.target.value = ""; };
window.addEventListener("beforeunload", (event) => { if (curation) storeNote(); if (curation && curation.dirty) event.preventDefault(); });
start().catch((error) => tell("this page could not be shown: " + error.message, true));
