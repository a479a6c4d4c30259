"use strict";
// Saving, exporting and opening; help.

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
  const lines = ["1 to 9: label (Shift adds it to the others, or takes it away); 0: no label; M: merge; U: unmerge; X: split; G: label as the model does; N: note", "arrows: next unit (Shift: select more); Ctrl+A: select all shown; F: filter; S: most similar units",
    "Ctrl+Z: undo; Ctrl+E: export; Ctrl+S: " + (byId("save").hidden ? "export" : "save"), "The filter takes unit ids, labels, pass, fail, unlabelled model:noise, bombcell:mua and conditions such as snr>5."];
  const list = make("ul");
  lines.forEach((text) => list.append(make("li", "", text)));
  byId("dialog-text").replaceChildren(make("h2", "", "Keys"), list, make("p", "", "The file becomes part of the results by:"),
    make("p", "", "simsort apply-curation RESULTS " + (byId("save").hidden ? "FILE.json" : "visualization/RECORDING/curation/curation.json")));
  byId("dialog").showModal();
}
