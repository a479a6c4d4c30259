"use strict";
// Splitting a unit: a line drawn around some of its spikes, in the plane of time and amplitude.

const PART_NAMES = ["inside the line", "the others"];

// Whether a point lies inside, by counting the edges to the right of it; simsort.applying.cut_units does the same.
function within(x, y, polygon) {
  let inside = false;
  polygon.forEach(([x0, y0], i) => {
    const [x1, y1] = polygon[(i + 1) % polygon.length];
    if (y0 !== y1 && y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside = !inside;
  });
  return inside;
}

function spikesShown(u) {
  const starts = data.arrays.amplitude_starts.values, times = data.arrays.amplitude_times.values, total = totalSeconds();
  const spikes = [];
  for (let k = starts[u]; k < starts[u + 1]; k++) spikes.push([(times[k] / 65536) * total, data.arrays.amplitudes.values[k]]);
  return spikes;
}

const totalSeconds = () => data.durations_s.reduce((a, b) => a + b, 0);

function splitView(u) {
  if (u === undefined) return [make("p", "hint", "Select a unit in the table.")];
  const name = "unit " + data.unit_ids[u];
  if (!data.arrays.amplitudes) return [make("p", "hint", "Amplitudes were not computed, so no unit can be split here.")];
  if (curation.group(u)) return [make("p", "hint", name + " is part of a merge. Unmerge it (U) to split it.")];
  const cut = curation.cutOf(u), spikes = spikesShown(u);
  const parts = [make("p", "hint", cut ? name + " becomes two units when applied. Draw again to change the line." : "Draw a line around the spikes of " + name + " that are another unit: press, go round, let go."), lasso(u, spikes)];
  if (cut) parts.push(...[0, 1].map((part) => partLine(u, part, spikes)));
  else if (curation.splitElsewhere(u)) parts.push(make("p", "hint", name + " was split by another tool; the line drawn here would replace that."));
  if (cut || curation.splitElsewhere(u)) {
    const back = make("button", "", "Take the split back");
    back.onclick = () => { curation.uncut(u); show(); };
    parts.push(back);
  }
  return parts;
}

// One part of a unit that was split: how many spikes, and its label.
function partLine(u, part, spikes) {
  const cut = curation.cutOf(u), line = make("div", "part");
  const n = spikes.filter(([t, a]) => within(t, a, cut.polygon) === (part === 0)).length;
  const mark = line.appendChild(make("span", "dot"));
  mark.dataset.part = part;
  line.append(make("span", "", PART_NAMES[part] + ": " + n + " of the " + spikes.length + " spikes shown"));
  for (const [name, value] of labelKeys()) {
    const button = line.appendChild(make("button", (cut.labels[part][name] || []).includes(value) ? "on" : "", value));
    button.onclick = () => { curation.labelPart(u, part, name, value); show(); };
  }
  return line;
}

function lasso(u, spikes) {
  const total = totalSeconds();
  const amplitudes = spikes.map((s) => s[1]), least = Math.min(...amplitudes), most = Math.max(...amplitudes);
  const room = 0.05 * (most - least) || 1, low = least - room, high = most + room; // all of the height for the spikes
  let drawn = null, area = {width: 1, height: 1};
  const x = (t) => 44 + (t / total) * (area.width - 54), y = (a) => 26 + ((high - a) / Math.max(high - low, 1e-9)) * (area.height - 52);
  const back = (px, py) => [six(((px - 44) / (area.width - 54)) * total), six(high - ((py - 26) / (area.height - 52)) * (high - low))];
  const box = plot("amplitudes (" + data.unit + ") of unit " + data.unit_ids[u] + " over time", (pen, width, height) => {
    area = {width, height};
    const cut = curation.cutOf(u), polygon = drawn || (cut && cut.polygon);
    valueAxis(pen, 44, width - 10, y, low, high);
    axisLabels(pen, 44, width - 10, height - 6, 0, total >= 120 ? total / 60 : total, total >= 120 ? "min" : "s");
    for (const [t, a] of spikes) {
      pen.fillStyle = polygon && within(t, a, polygon) ? COLORS[1] : COLORS[0];
      pen.fillRect(x(t) - 1, y(a) - 1, 2.5, 2.5);
    }
    if (!polygon) return;
    pen.strokeStyle = INK;
    pen.beginPath();
    polygon.forEach(([t, a]) => pen.lineTo(x(t), y(a)));
    if (!drawn) pen.closePath();
    pen.stroke();
  });
  box.classList.add("lasso");
  const at = (event) => { const r = box.getBoundingClientRect(); return back(event.clientX - r.left, event.clientY - r.top); };
  box.onpointerdown = (event) => { box.setPointerCapture(event.pointerId); drawn = [at(event)]; };
  box.onpointermove = (event) => {
    if (!drawn) return;
    const [t, a] = at(event), last = drawn[drawn.length - 1];
    if (Math.hypot(x(t) - x(last[0]), y(a) - y(last[1])) > 4 && drawn.length < 1000) drawn.push([t, a]);
    box.redraw();
  };
  box.onpointerup = () => {
    const polygon = drawn;
    drawn = null;
    const n = polygon && polygon.length > 2 ? spikes.filter(([t, a]) => within(t, a, polygon)).length : 0;
    if (n > 0 && n < spikes.length) { curation.cut(u, polygon); tell(""); show(); } else { tell(n ? "the line has all spikes inside" : "the line has no spike inside", true); box.redraw(); }
  };
  box.onpointercancel = () => { drawn = null; box.redraw(); };
  return box;
}

const six = (value) => Number(value.toPrecision(6));
