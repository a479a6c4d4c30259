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
const TITLES = {firing_rate: "rate (Hz)", snr: "SNR", amplitude_median: "amplitude", isi_violations_ratio: "ISI viol.", presence_ratio: "presence", amplitude_cutoff: "cutoff"};
const TABS = [["unit", "Unit"], ["correlograms", "Correlograms"], ["similar", "Similar units"], ["metrics", "Metrics"], ["merges", "Merges"], ["split", "Split"]];

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
