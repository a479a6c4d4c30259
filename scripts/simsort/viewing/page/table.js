"use strict";
// Left: the table of units.

function columns() {
  const shown = FIRST_COLUMNS.filter((c) => data.columns.includes(c));
  const labels = curation.editable();
  return [
    {key: "id", title: "unit", text: true, value: (u) => data.unit_ids[u]},
    ...labels.map((name) => ({key: "label:" + name, title: name, text: true, chips: (u) => curation.values(u, name), value: (u) => curation.values(u, name).join(" ")})),
    {key: "auto", title: "rule", text: true, chips: (u) => [data.verdicts[u][0]], value: (u) => data.verdicts[u][0]},
    ...(modelOf() ? [{key: "model", title: "model", text: true, chips: (u) => (modelOf().labels[u] ? [modelOf().labels[u] + percent(modelOf().probabilities[u])] : []), kind: (u) => modelOf().labels[u] + " light", value: (u) => modelOf().labels[u] + " " + (modelOf().probabilities[u] || 0).toFixed(2)}] : []),
    ...(data.unit_ids.some((_, u) => joined(u).length) ? [{key: "merge", title: "merge", text: true, kind: () => "merge", chips: joined, value: (u) => joined(u).join(" ")}] : []),
    ...(data.cell_types ? [{key: "cell", title: "cell", text: true, value: cellType}] : []),
    ...(data.arrays.places_um ? [{key: "depth", title: "depth", value: (u) => Math.round(data.arrays.places_um.values[2 * u + 1])}] : []),
    {key: "spikes", title: "spikes", value: (u) => data.n_spikes[u]},
    ...shown.map((c) => ({key: c, title: TITLES[c] || c, value: (u) => metric(u, c)})),
  ];
}

const metric = (u, name) => (data.columns.includes(name) ? data.metrics[data.columns.indexOf(name)][u] : null);
const cellType = (u) => { const [kind, p] = data.cell_types[u]; return kind + (kind && kind !== "unsure" ? " " + p.toFixed(2) : ""); };
const joined = (u) => [...(curation.group(u) ? [mergeName(curation.group(u))] : []), ...(curation.cutOf(u) || curation.splitElsewhere(u) ? ["✂ split"] : [])];
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
    const source = sources().find((s) => word.toLowerCase().startsWith(s.name + ":"));
    if (source) return source.labels[u].toLowerCase() === word.slice(source.name.length + 1).toLowerCase();
    const labels = Object.values(curation.labels[u]).flat().map((v) => v.toLowerCase());
    return String(data.unit_ids[u]) === word || labels.includes(word.toLowerCase()) || data.verdicts[u][0] === word || (data.cell_types && data.cell_types[u][0].toLowerCase() === word.toLowerCase()) || (word === "unlabelled" && !curation.editable().some((n) => curation.values(u, n).length));
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
  const known = ["good", "SUA", "MUA", "mua", "sua", "noise", "artifact", "pass", "fail", "unknown"];
  return make("span", "chip " + (kind ?? (known.includes(text) ? text : "")), text);
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
      if (column.chips) column.chips(u).forEach((text) => cell.append(chip(text, column.kind && column.kind(u))));
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
