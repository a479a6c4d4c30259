"use strict";
// Keys and buttons; then the page starts.

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
  else if (event.code === "Digit0") clearLabels();
  else if (/^Digit[1-9]$/.test(event.code)) setLabel(Number(event.code[5]) - 1, event.shiftKey);
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
  else if (key === "m") byId("merge").click();
  else if (key === "u") byId("unmerge").click();
  else if (key === "n") byId("note").focus();
  else if (key === "f") byId("filter").focus();
  else if (key === "x") byId("split").click();
  else if (key === "g") labelAsModel();
  else if (key === "s") { chosen.tab = "similar"; showRight(); }
  else if (key === "?") help();
  else used = false;
  if (used) event.preventDefault();
});
byId("filter").oninput = (event) => { chosen.filter = event.target.value; showTable(); };
byId("note").onchange = () => { storeNote(); showFooter(); };
byId("merge").onclick = () => {
  if (chosen.units.length < 2) return;
  if (chosen.units.some((u) => curation.cutOf(u) || curation.splitElsewhere(u))) return tell("a unit that is split cannot be merged: take the split back first", true);
  curation.merge(chosen.units);
  show();
};
byId("split").onclick = () => { chosen.tab = "split"; showRight(); };
byId("model").onclick = labelAsModel;
byId("unmerge").onclick = () => { curation.unmerge(chosen.units); show(); };
byId("undo").onclick = () => { if (curation.undo()) show(); };
byId("download").onclick = download;
byId("save").onclick = save;
byId("help").onclick = help;
byId("open").onclick = () => byId("file").click();
byId("file").onchange = (event) => { openFile(event.target.files[0]); event.target.value = ""; };
window.addEventListener("beforeunload", (event) => { if (curation) storeNote(); if (curation && curation.dirty) event.preventDefault(); });
start().catch((error) => tell("this page could not be shown: " + error.message, true));
