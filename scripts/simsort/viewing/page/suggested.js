"use strict";
// What labels itself: every source's label with its probability and reasons, and merges that suggest themselves.

const AS_QUALITY = {SUA: "good", MUA: "MUA", noise: "noise"};
const sources = () => data.automatic || [];
const modelOf = () => sources().find((source) => source.name === "model");

const percent = (probability) => (probability === null ? "" : " " + Math.round(100 * probability) + " %");

// One line for the rule and one for each source: what a unit is called, and why.
function whyLines(u) {
  const [verdict, reasons] = data.verdicts[u];
  const lines = [whyLine("rule", verdict, null, reasons, verdict === "fail" ? "because" : "but")];
  for (const source of sources()) {
    if (source.labels[u]) lines.push(whyLine(source.title, source.labels[u], source.probabilities[u], source.reasons[u], source.name === "model" ? "mostly for" : "because"));
  }
  return lines;
}

function whyLine(title, label, probability, reasons, joint) {
  const line = make("div", "why");
  line.append(make("span", "source", title), chip(label + percent(probability), label), make("span", "", reasons.length ? joint + " " + reasons.join("; ") : ""));
  return line;
}

// The selected units get the labels that the model gives them.
function labelAsModel() {
  const model = modelOf();
  if (!model || !chosen.units.length || !curation.definitions.quality) return;
  const wanted = chosen.units.map((u) => [u, AS_QUALITY[model.labels[u]]]).filter(([, label]) => curation.definitions.quality.label_options.includes(label));
  curation.labelEach(wanted, "quality");
  show();
}

function suggestedMerges() {
  return (data.suggested_merges || []).filter(({units}) => !units.some((u) => curation.cutOf(u)) && !(curation.group(units[0]) && curation.group(units[0]) === curation.group(units[1])));
}

function suggestedMergeLines() {
  const found = suggestedMerges();
  if (!found.length) return [make("p", "hint", data.suggested_merges ? "No other merges are suggested." : "")];
  const parts = [make("h3", "", "Suggested: pairs that are probably one neuron")];
  for (const {units, probability, reasons} of found.slice(0, 60)) {
    const line = make("div", "why"), look = make("button", "", "show"), join = make("button", "", "merge");
    look.onclick = () => { chosen.tab = "unit"; select([...units], units[0]); };
    join.onclick = () => { curation.merge(units); show(); };
    line.append(look, join, make("b", "", units.map((u) => data.unit_ids[u]).join(" + ")), chip(Math.round(100 * probability) + " %", "merge"), make("span", "", reasons.length ? "mostly for " + reasons.join("; ") : ""));
    parts.push(line);
  }
  return parts;
}
