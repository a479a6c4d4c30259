"use strict";
// What a person decided: labels, merges, notes. Units are indices into `data.unit_ids` here and ids only in files, so that the
// ids 1 and "1" are never taken for one another.

const AUTOMATIC = "default_qc_label"; // the rule's verdict; shown, not edited

class Curation {
  constructor(data) {
    this.data = data;
    this.index = new Map(data.unit_ids.map((id, i) => [String(id), i]));
    this.past = [];
    this.dirty = false;
    this.clear();
  }

  clear() {
    this.definitions = {};
    this.labels = this.data.unit_ids.map(() => ({}));
    this.merges = [];
    this.removed = [];
    this.splits = [];
    this.cuts = [];
    this.notes = {};
    this.version = null;
  }

  // Take over a curation of SpikeInterface's format 2; an error says what does not fit this recording.
  load(file) {
    if (!file || file.format_version !== "2" || !Array.isArray(file.unit_ids)) throw new Error("this is no curation file of this page");
    const own = file.simsort || {};
    if (own.sorting && own.sorting !== this.data.sorting) throw new Error("this file is of another recording or sorting");
    const at = (id) => {
      if (!this.index.has(String(id))) throw new Error("unit " + id + " is not of this recording");
      return this.index.get(String(id));
    };
    const labels = (file.manual_labels || []).map((entry) => [at(entry.unit_id), entry.labels || {}]);
    const merges = (file.merges || []).map((merge) => ({units: merge.unit_ids.map(at), new_unit_id: merge.new_unit_id ?? null}));
    const removed = (file.removed || []).map(at);
    const cuts = (own.cuts || []).map((cut) => ({unit: at(cut.unit_id), polygon: cut.polygon.map(([t, a]) => [Number(t), Number(a)]), labels: [0, 1].map((part) => ({...(cut.labels || [])[part]}))}));
    const notes = Object.entries(own.notes || {}).map(([id, text]) => [at(id), String(text)]);
    this.clear();
    for (const [name, d] of Object.entries(file.label_definitions || {})) {
      this.definitions[name] = {label_options: d.label_options.map(String), exclusive: !!d.exclusive};
    }
    for (const [unit, given] of labels) for (const [name, values] of Object.entries(given)) this.labels[unit][name] = values.map(String);
    this.merges = merges;
    this.removed = removed;
    this.splits = file.splits || [];
    this.cuts = cuts;
    this.notes = Object.fromEntries(notes);
    this.version = own.version ?? null;
    this.past = [];
    this.dirty = false;
  }

  dump() {
    const ids = this.data.unit_ids;
    const manual = this.labels.map((labels, i) => ({unit_id: ids[i], labels: Object.fromEntries(Object.entries(labels).filter(([, v]) => v.length))}));
    return {
      format_version: "2",
      unit_ids: ids,
      label_definitions: Object.fromEntries(Object.entries(this.definitions).map(([name, d]) => [name, {name, ...d}])),
      manual_labels: manual.filter((entry) => Object.keys(entry.labels).length),
      removed: this.removed.map((i) => ids[i]),
      merges: this.merges.map((m) => ({unit_ids: m.units.map((i) => ids[i]), new_unit_id: m.new_unit_id})),
      splits: this.splits.filter((split) => !this.cuts.some((cut) => String(ids[cut.unit]) === String(split.unit_id))),
      simsort: {recording: this.data.recording, session: this.data.session, sorting: this.data.sorting, version: this.version,
                cuts: this.cuts.map((cut) => ({unit_id: ids[cut.unit], polygon: cut.polygon, labels: cut.labels})),
                notes: Object.fromEntries(Object.entries(this.notes).filter(([, t]) => t).map(([i, t]) => [String(ids[i]), t]))},
    };
  }

  remember() {
    const {labels, merges, cuts, splits, notes} = this;
    this.past.push({text: JSON.stringify({labels, merges, cuts, notes}), splits}); // splits are long, and never changed in place
    if (this.past.length > 500) this.past.shift();
    this.dirty = true;
  }

  undo() {
    const last = this.past.pop();
    if (last) Object.assign(this, JSON.parse(last.text), {splits: last.splits, dirty: true});
    return !!last;
  }

  // A label replaces the others of its kind; with `more` it is added, or taken away where all have it.
  label(units, name, value, more) {
    this.remember();
    const all = units.every((i) => this.values(i, name).includes(value));
    for (const i of units) {
      const others = this.values(i, name).filter((v) => v !== value);
      if (!more || this.definitions[name].exclusive) this.labels[i][name] = [value];
      else this.labels[i][name] = all ? others : [...others, value];
    }
  }

  clearLabels(units) {
    this.remember();
    for (const i of units) for (const name of this.editable()) this.labels[i][name] = [];
  }

  group(i) {
    return this.merges.find((m) => m.units.includes(i));
  }

  merge(units) {
    this.remember();
    const joined = new Set(units);
    for (const m of this.merges) if (m.units.some((i) => joined.has(i))) m.units.forEach((i) => joined.add(i));
    this.merges = this.merges.filter((m) => !m.units.some((i) => joined.has(i)));
    this.merges.push({units: [...joined].sort((a, b) => a - b), new_unit_id: null});
  }

  unmerge(units) {
    this.remember();
    for (const m of this.merges) {
      const left = m.units.filter((i) => !units.includes(i));
      if (left.length !== m.units.length) Object.assign(m, {units: left, new_unit_id: null});
    }
    this.merges = this.merges.filter((m) => m.units.length > 1);
  }

  labelEach(wanted, name) {
    this.remember();
    for (const [i, value] of wanted) this.labels[i][name] = [value];
  }

  cutOf(i) {
    return this.cuts.find((cut) => cut.unit === i);
  }

  splitElsewhere(i) {
    return this.splits.some((split) => String(split.unit_id) === String(this.data.unit_ids[i]));
  }

  cut(i, polygon) {
    this.remember();
    const labels = this.cutOf(i) ? this.cutOf(i).labels : [{}, {}];
    this.cuts = [...this.cuts.filter((cut) => cut.unit !== i), {unit: i, polygon, labels}];
  }

  uncut(i) {
    this.remember();
    this.cuts = this.cuts.filter((cut) => cut.unit !== i);
    this.splits = this.splits.filter((split) => String(split.unit_id) !== String(this.data.unit_ids[i]));
  }

  labelPart(i, part, name, value) {
    this.remember();
    const labels = this.cutOf(i).labels[part];
    labels[name] = (labels[name] || []).includes(value) ? [] : [value];
  }

  note(i, text) {
    if ((this.notes[i] || "") === text) return;
    this.remember();
    this.notes[i] = text;
  }

  values(i, name) {
    return this.labels[i][name] || [];
  }

  editable() {
    return Object.keys(this.definitions).filter((name) => name !== AUTOMATIC);
  }
}
