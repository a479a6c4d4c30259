"use strict";
// Below: labels, merges, notes.

function labelKeys() {
  return curation.editable().flatMap((name) => curation.definitions[name].label_options.map((value) => [name, value]));
}

function makeLabelButtons() {
  byId("labels").replaceChildren(...labelKeys().map(([name, value], i) => {
    const button = make("button");
    if (i < 9) button.append(make("kbd", "", String(i + 1)));
    button.append(value);
    button.dataset.value = value;
    button.title = name + ": replaces the label; with Shift it is added or taken away";
    button.onclick = (event) => setLabel(i, event.shiftKey);
    return button;
  }));
  const none = byId("labels").appendChild(make("button"));
  none.append(make("kbd", "", "0"), "none");
  none.title = "take the labels away";
  none.onclick = clearLabels;
}

function setLabel(i, more) {
  const entry = labelKeys()[i];
  if (!entry || !chosen.units.length) return;
  curation.label(chosen.units, entry[0], entry[1], more);
  show();
}

function clearLabels() {
  if (!chosen.units.length) return;
  curation.clearLabels(chosen.units);
  show();
}

function showFooter() {
  const units = chosen.units;
  byId("selected").textContent = units.length === 1 ? "unit " + data.unit_ids[units[0]] : units.length + " units";
  labelKeys().forEach(([name, value], i) => byId("labels").children[i].classList.toggle("on", units.length > 0 && units.every((u) => curation.values(u, name).includes(value))));
  byId("merge").disabled = units.length < 2;
  byId("split").disabled = units.length !== 1;
  byId("model").hidden = !modelOf();
  byId("model").disabled = !units.length;
  byId("unmerge").disabled = !units.some((u) => curation.group(u));
  byId("note").disabled = units.length !== 1;
  byId("note").value = units.length === 1 ? curation.notes[units[0]] || "" : "";
  byId("undo").disabled = !curation.past.length;
  const labelled = data.unit_ids.filter((_, u) => curation.editable().some((name) => curation.values(u, name).length)).length;
  byId("summary").textContent = data.unit_ids.length + " units, " + labelled + " labelled, " + curation.merges.length + (curation.merges.length === 1 ? " merge" : " merges") + (curation.cuts.length ? ", " + curation.cuts.length + (curation.cuts.length === 1 ? " split" : " splits") : "") + (curation.dirty ? ", not saved" : "");
}

function storeNote() {
  if (curation && chosen.units.length === 1 && !byId("note").disabled) curation.note(chosen.units[0], byId("note").value);
}

function show() {
  showTable();
  showRight();
  showFooter();
}
