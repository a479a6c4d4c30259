"use strict";
// Plots on canvases: a plot is drawn when it is shown and again when its size changes.

const COLORS = ["#1f6fb2", "#c4572b", "#1b8a5a", "#7a6fae", "#8a6100", "#b3261e", "#2a9d9d", "#24292f"];
const INK = "#24292f", FAINT = "#8a939d", GRID = "#e4e7ea";
const colorOf = (position) => COLORS[position % COLORS.length];

function plot(caption, paint) {
  const box = document.createElement("div");
  box.className = "plot";
  const canvas = box.appendChild(document.createElement("canvas"));
  const text = box.appendChild(document.createElement("span"));
  text.className = "caption";
  text.textContent = caption;
  const redraw = () => {
    const {width, height} = box.getBoundingClientRect();
    if (width < 20 || height < 20) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "11px system-ui, sans-serif";
    paint(pen, width, height, box);
  };
  box.redraw = redraw;
  new ResizeObserver(redraw).observe(box);
  return box;
}

function say(pen, width, height, text) {
  pen.fillStyle = FAINT;
  pen.textAlign = "center";
  pen.fillText(text, width / 2, height / 2);
}

function axisLabels(pen, x0, x1, y, low, high, unit) {
  pen.fillStyle = FAINT;
  pen.textAlign = "left";
  pen.fillText(short(low), x0, y);
  pen.textAlign = "right";
  pen.fillText(short(high) + " " + unit, x1, y);
}

// The ends of a vertical axis, and a line at zero, or in the middle where zero is not on it.
function valueAxis(pen, x0, x1, y, low, high) {
  pen.strokeStyle = GRID;
  pen.lineWidth = 1;
  pen.fillStyle = FAINT;
  pen.textAlign = "right";
  const middle = low <= 0 && high >= 0 ? 0 : (low + high) / 2;
  const drawn = [];
  for (const value of [middle, low, high]) {
    if (drawn.some((other) => Math.abs(other - y(value)) < 12)) continue; // its number would lie over another
    drawn.push(y(value));
    pen.beginPath(); pen.moveTo(x0, y(value)); pen.lineTo(x1, y(value)); pen.stroke();
    pen.fillText(short(value), x0 - 4, y(value) + 4);
  }
}

function short(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  return Number.isInteger(value) ? String(value) : size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(2) : value.toPrecision(2);
}

// Mean waveforms on the contacts where they are largest, each at its place on the probe.
function drawWaveforms(data, units, caption = "mean waveform at its contacts") {
  return plot(caption, (pen, width, height) => {
    const t = data.arrays.templates;
    if (!t || !units.length) return say(pen, width, height, t ? "select a unit" : "templates were not computed");
    const [, samples, perUnit] = t.shape, places = data.arrays.contacts_um.values;
    const channelsOf = (u) => Array.from(data.arrays.template_channels.values.subarray(u * perUnit, (u + 1) * perUnit));
    const channels = [...new Set(units.flatMap(channelsOf))];
    const rank = (axis) => {
      const sorted = [...new Set(channels.map((c) => places[2 * c + axis]))].sort((a, b) => a - b);
      return new Map(sorted.map((v, i) => [v, i]));
    };
    const columns = rank(0), rows = rank(1);
    const w = (width - 20) / columns.size, n = Math.max(rows.size, 2);
    // The largest deflection is as high as a row, or more where rows are many; the lowest row has room for it.
    const size = Math.max(0.8 * (height - 56) / n, Math.min(40, height / 4)), foot = 24 + Math.max(0, size - 0.85 * (height - 56) / n);
    const h = (height - 32 - foot) / n;
    const scales = data.arrays.template_scales.values;
    let largest = 1e-9;
    for (const u of units) largest = Math.max(largest, scales[u] * 32000);
    const gain = size / largest;
    units.forEach((u, position) => {
      pen.strokeStyle = colorOf(position);
      channelsOf(u).forEach((channel, k) => {
        pen.lineWidth = k === 0 ? 1.8 : 1;
        const x = 10 + w * columns.get(places[2 * channel]) + w * 0.08, y = height - foot - h * (rows.get(places[2 * channel + 1]) + 0.85);
        pen.beginPath();
        for (let s = 0; s < samples; s++) {
          const value = t.values[(u * samples + s) * perUnit + k] * scales[u];
          pen.lineTo(x + (w * 0.84 * s) / (samples - 1), y - value * gain);
        }
        pen.stroke();
      });
    });
    pen.fillStyle = FAINT;
    pen.textAlign = "right";
    const [before, after] = data.template_ms;
    pen.fillText("largest " + short(largest) + " " + data.unit + ", " + short(after - before) + " ms", width - 6, height - 6);
  });
}

function drawBars(caption, values, low, high, unit, color, note) {
  return plot(caption, (pen, width, height) => {
    if (!values) return say(pen, width, height, note);
    const bottom = height - 16, top = 20, largest = Math.max(1, ...values), step = (width - 12) / values.length;
    pen.fillStyle = color;
    values.forEach((v, i) => {
      const size = (v / largest) * (bottom - top);
      pen.fillRect(6 + i * step, bottom - size, Math.max(step - 0.3, 0.7), size);
    });
    pen.strokeStyle = GRID;
    if (low < 0) {
      pen.beginPath();
      pen.moveTo(width / 2, top);
      pen.lineTo(width / 2, bottom);
      pen.stroke();
    }
    axisLabels(pen, 6, width - 6, height - 4, low, high, unit);
    pen.fillText("highest " + largest, width - 6, 14);
  });
}

function autocorrelogram(data, u, position) {
  const a = data.arrays.autocorrelograms;
  const [low, high] = data.correlogram_ms || [0, 0];
  return drawBars("unit " + data.unit_ids[u], a && row(a, u), low, high, "ms", colorOf(position), "correlograms were not computed");
}

function crosscorrelogram(data, first, second) {
  const [low, high] = data.correlogram_ms || [0, 0];
  const [a, b] = first < second ? [first, second] : [second, first];
  const at = data.pairAt ? data.pairAt.get(a * 65536 + b) : undefined;
  let values = null;
  if (at !== undefined) {
    values = Array.from(row(data.arrays.pair_counts, at));
    if (first > second) values.reverse();
  }
  return drawBars(data.unit_ids[first] + " → " + data.unit_ids[second], values, low, high, "ms", FAINT, "too far apart: not stored");
}

function drawIntervals(data, u) {
  const a = data.arrays.intervals, [low, high] = data.intervals_ms || [0, 0];
  return drawBars("intervals, unit " + data.unit_ids[u], a && row(a, u), low, high, "ms", INK, "intervals were not computed");
}

function row(array, i) {
  const n = array.shape[1];
  return array.values.subarray(i * n, (i + 1) * n);
}

function drawAmplitudes(data, units) {
  const total = data.durations_s.reduce((a, b) => a + b, 0);
  return plot("amplitudes (" + data.unit + ") and rate over " + (total >= 120 ? short(total / 60) + " min" : short(total) + " s"), (pen, width, height) => {
    const a = data.arrays.amplitudes;
    if (!a || !units.length) return say(pen, width, height, a ? "select a unit" : "amplitudes were not computed");
    const starts = data.arrays.amplitude_starts.values, times = data.arrays.amplitude_times.values;
    let low = 0, high = 0;
    for (const u of units) for (let k = starts[u]; k < starts[u + 1]; k++) { low = Math.min(low, a.values[k]); high = Math.max(high, a.values[k]); }
    const split = height * 0.74, scale = (split - 34) / Math.max(high - low, 1e-9), left = 42;
    valueAxis(pen, left, width - 8, (value) => 24 + (high - value) * scale, low, high);
    units.forEach((u, position) => {
      pen.fillStyle = colorOf(position);
      pen.globalAlpha = 0.55;
      for (let k = starts[u]; k < starts[u + 1]; k++) pen.fillRect(left + (times[k] / 65536) * (width - left - 8), 24 + (high - a.values[k]) * scale, 2, 2);
      pen.globalAlpha = 1;
      const counts = row(data.arrays.rates, u), largest = Math.max(1, ...counts);
      pen.strokeStyle = colorOf(position);
      pen.beginPath();
      counts.forEach((c, i) => pen.lineTo(left + ((i + 0.5) / counts.length) * (width - left - 8), height - 6 - (c / largest) * (height - split - 12)));
      pen.stroke();
    });
    pen.strokeStyle = GRID;
    let edge = 0;
    for (const d of data.durations_s.slice(0, -1)) {
      edge += d;
      pen.beginPath();
      pen.moveTo(left + (edge / total) * (width - left - 8), 18);
      pen.lineTo(left + (edge / total) * (width - left - 8), height - 4);
      pen.stroke();
    }
    pen.fillStyle = FAINT;
    pen.textAlign = "right";
    pen.fillText("rate", left - 4, height - 8);
  });
}

// The probe with every unit; a click selects the unit nearest to it.
function drawPlaces(data, units, dot, choose) {
  const box = plot("places on the probe (um)", (pen, width, height, self) => {
    const contacts = data.arrays.contacts_um.values, places = data.arrays.places_um && data.arrays.places_um.values;
    if (!places) return say(pen, width, height, "places were not computed");
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (let i = 0; i < contacts.length; i += 2) { x0 = Math.min(x0, contacts[i]); x1 = Math.max(x1, contacts[i]); y0 = Math.min(y0, contacts[i + 1]); y1 = Math.max(y1, contacts[i + 1]); }
    x0 -= 60; x1 += 60; y0 -= 40; y1 += 40;
    // Long probes would be a line at one scale for both directions: depth fills the height, the width at least a third.
    const sx = (width - 60) / (x1 - x0), sy = (height - 34) / (y1 - y0), ux = Math.min(sx, Math.max(sy, (width / 3) / (x1 - x0)));
    const at = (x, y) => [width / 2 + (x - (x0 + x1) / 2) * ux, height - 10 - (y - y0) * sy];
    pen.fillStyle = GRID;
    for (let i = 0; i < contacts.length; i += 2) { const [x, y] = at(contacts[i], contacts[i + 1]); pen.fillRect(x - 2, y - 2, 4, 4); }
    self.points = data.unit_ids.map((_, u) => at(Math.min(Math.max(places[2 * u], x0), x1), Math.min(Math.max(places[2 * u + 1], y0), y1)));
    self.points.forEach(([x, y], u) => { pen.fillStyle = dot(u); pen.globalAlpha = 0.7; pen.beginPath(); pen.arc(x, y, 3, 0, 7); pen.fill(); });
    pen.globalAlpha = 1;
    units.forEach((u, position) => {
      const [x, y] = self.points[u];
      pen.strokeStyle = pen.fillStyle = colorOf(position);
      pen.lineWidth = 2;
      pen.beginPath(); pen.arc(x, y, 6, 0, 7); pen.stroke();
      pen.textAlign = "left";
      pen.fillText(data.unit_ids[u], x + 9, y + 4);
    });
    pen.fillStyle = FAINT;
    pen.textAlign = "left";
    for (const depth of [y0 + 40, y1 - 40]) pen.fillText(short(depth), 8, at(0, depth)[1] + 4);
  });
  box.addEventListener("click", (event) => {
    if (!box.points) return;
    const area = box.getBoundingClientRect(), x = event.clientX - area.left, y = event.clientY - area.top;
    const distances = box.points.map(([px, py]) => Math.hypot(px - x, py - y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] < 14) choose(nearest, event);
  });
  return box;
}
