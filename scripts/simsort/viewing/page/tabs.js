"use strict";
// Right: the tabs.

function showRight() {
  for (const tab of byId("tabs").children) tab.className = tab.dataset.tab === chosen.tab ? "on" : "";
  const n = suggestedMerges().length;
  byId("tabs").querySelector("[data-tab=merges]").textContent = n ? "Merges (" + n + " suggested)" : "Merges";
  byId("view").replaceChildren(...VIEWS[chosen.tab](chosen.units.slice(0, 8)));
}

const VIEWS = {
  unit(units) {
    const grid = make("div", "grid");
    const first = units[units.length - 1];
    if (first === undefined) return [make("p", "hint", "Select a unit in the table.")];
    const middle = units.length > 1 ? crosscorrelogram(data, units[0], units[1]) : autocorrelogram(data, first, 0);
    grid.append(drawWaveforms(data, units), middle, drawAmplitudes(data, units), drawPlaces(data, units, dotColor, click));
    const why = make("div", "whys");
    why.append(make("b", "", "unit " + data.unit_ids[first]), ...whyLines(first));
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
      line.append(text, drawWaveforms(data, [u, other], "waveforms"), autocorrelogram(data, other, 1), crosscorrelogram(data, u, other));
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
      const said = (merged.automatic || []).filter(([, label]) => label).map(([title, label, probability]) => title + " " + label + percent(probability) + "; ").join("");
      parts.push(make("p", "hint", "unit " + merged.unit_id + " (of " + merged.members.join(", ") + "), as applied: rule " + merged.label + (merged.reasons.length ? " because " + merged.reasons.join("; ") : "") +
        "; " + said + Object.entries(merged.metrics).map(([name, value]) => name + " " + short(value)).join(", ")));
    }
    return [...parts, ...suggestedMergeLines()];
  },
  split: (units) => splitView(units[units.length - 1]),
};

function dotColor(u) {
  const label = curation.editable().flatMap((name) => curation.values(u, name))[0];
  return {good: "#1b7a4f", noise: "#b3261e", artifact: "#b3261e", MUA: "#8a6100"}[label] || FAINT;
}
