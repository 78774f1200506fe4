"use strict";
// The page on which a person grades the answers to one cell. It works from a file, without a server.
const COLUMNS = ["student", "assignment", "file", "cell", "most", "points", "comment", "id", "version"];
const main = document.querySelector("main");
const say = (text) => { document.getElementById("said").textContent = text; };
const table = main.dataset.name.replace(/[^A-Za-z0-9]+/g, "-") + ".csv";
document.getElementById("name-of-file").textContent = table;

// ------------------------------------------------------------------------------ one answer

const answers = [...main.children].map((element) => ({
  element,
  id: element.id,
  base: { points: element.dataset.points, comment: element.dataset.comment },
  points: element.querySelector("input.points"),
  comment: element.querySelector("textarea"),
  note: element.querySelector(".note"),
  told: element.querySelector(".note").textContent,
}));
// All pages that come from files share one store; the ids belong to one report.
let unsaved = false; // what this browser does not keep
window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
const place = (answer) => `coursekit-manual:${answer.id}`;

function problem(answer) {
  const text = answer.points.value.trim(), most = Number(answer.element.dataset.most);
  if (text === "") return "";
  if (!/^\+?(\d+([.,]\d*)?|[.,]\d+)$/.test(text)) return `"${text}" is no number from 0 to ${most}.`;
  return Number(text.replace(",", ".")) > most ? `${text} is more than ${most}.` : "";
}

function show(answer) {
  const wrong = problem(answer), graded = answer.points.value.trim() !== "" && !wrong;
  answer.element.classList.toggle("graded", graded);
  answer.element.classList.toggle("wrong", wrong !== "");
  answer.points.setAttribute("aria-invalid", String(wrong !== ""));
  answer.note.textContent = wrong || (graded ? "" : answer.told);
  answer.note.hidden = answer.note.textContent === "";
  const only = document.getElementById("waiting").checked;
  answer.element.hidden = only && graded && !answer.element.contains(document.activeElement);
}

function count() {
  const done = answers.filter((answer) => answer.element.classList.contains("graded")).length;
  document.getElementById("count").textContent = `${done} of ${answers.length} have points`;
}

function keep(answer) {
  const typed = { points: answer.points.value, comment: answer.comment.value };
  const draft = JSON.stringify({ ...typed, version: answer.element.dataset.version, base: answer.base });
  try {
    if (same(typed, answer.base)) localStorage.removeItem(place(answer));
    else localStorage.setItem(place(answer), draft);
  } catch (error) {
    say("This browser keeps nothing for pages from files: save the table before you leave.");
    unsaved = true;
  }
  show(answer);
  count();
}

const same = (one, other) => one.points.trim() === other.points.trim() && one.comment === other.comment;

function fill(answer, typed) {
  answer.points.value = typed.points;
  answer.comment.value = typed.comment;
}

// What was typed elsewhere, and is not what is shown here, is offered and never dropped.
function offer(answer, typed, where) {
  const line = answer.element.querySelector(".other");
  line.querySelector("span").textContent = `${where}: ${typed.points || "no points"}`
    + (typed.comment ? `, "${typed.comment}".` : ".");
  line.querySelector("button").onclick = () => { fill(answer, typed); line.hidden = true; keep(answer); };
  line.hidden = false;
}

for (const answer of answers) {
  fill(answer, answer.base);
  let draft = null;
  try { draft = JSON.parse(localStorage.getItem(place(answer))); } catch (error) { draft = null; }
  if (draft && !same(draft, answer.base)) {
    if (draft.version === answer.element.dataset.version && same(draft.base, answer.base)) fill(answer, draft);
    else offer(answer, draft, "Typed in this browser before");
  } else if (answer.element.dataset.earlier) {
    offer(answer, { points: answer.element.dataset.earlier, comment: answer.base.comment }, "Points before");
  }
  answer.points.addEventListener("input", () => keep(answer));
  answer.comment.addEventListener("input", () => keep(answer));
  show(answer);
}
count();

// -------------------------------------------------------------------------------- the keys

const at = () => answers.findIndex((answer) => answer.element.contains(document.activeElement));

function go(step, wanted = () => true) {
  let index = at();
  for (let tries = 0; tries < answers.length; tries++) {
    index = index < 0 ? (step > 0 ? 0 : answers.length - 1) : index + step;
    const answer = answers[index];
    if (!answer) return say(step > 0 ? "This was the last answer." : "This was the first answer.");
    if (!answer.element.hidden && wanted(answer)) {
      answer.points.focus();
      answer.points.select();
      answer.element.scrollIntoView({ block: "nearest" });
      return say("");
    }
  }
  return say("No such answer.");
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); return save(); }
  const answer = answers[at()], typing = event.target.tagName === "TEXTAREA";
  if (typing && (event.key === "Escape" || (event.key === "Enter" && event.ctrlKey))) {
    event.preventDefault();
    if (event.key === "Escape") answer.points.focus(); else go(1);
  } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const act = {
      j: () => go(1), ArrowDown: () => go(1), k: () => go(-1), ArrowUp: () => go(-1),
      u: () => go(1, (one) => !one.element.classList.contains("graded")),
      Enter: event.target.tagName === "BUTTON" ? null : () => go(1),
      c: answer && (() => answer.comment.focus()),
      f: answer && (() => { answer.points.value = answer.element.dataset.most; keep(answer); }),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  }
});
document.getElementById("waiting").addEventListener("change", () => answers.forEach(show));

// ------------------------------------------------------------------------------- the table

// As coursegrader/tables.py does it: a text that a spreadsheet would run begins with an apostrophe.
const isFormula = (text) => {
  const first = text.replace(/^[\s\p{Cc}\p{Cf}\p{Mn}\p{Me}]+/u, "");
  return first !== "" && "=+-@\u2212".includes([...first][0].normalize("NFKC")[0]);
};
const PIECES = /([;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+)/;
const beginsOddly = (text) => /^'*[\t\r\n]/.test(text);
const quote = (text) => (beginsOddly(text) ? "'" : "")
  + text.split(PIECES).map((piece) => (isFormula(piece.replace(/^'+/, "")) ? "'" : "") + piece).join("");
const unquote = (text) => (text.startsWith("'") && beginsOddly(text) ? text.slice(1) : text)
  .split(PIECES)
  .map((piece) => (piece.startsWith("'") && isFormula(piece.replace(/^'+/, "")) ? piece.slice(1) : piece))
  .join("");

function toTable() {
  const rows = answers.map((answer) => {
    const typed = answer.points.value.trim();
    const points = typed === "" && answer.base.points !== "" ? "wait" : typed;
    return [
      ...JSON.parse(answer.element.dataset.row), answer.element.dataset.most, quote(points),
      quote(answer.comment.value), answer.id, answer.element.dataset.version,
    ];
  });
  const line = (row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");
  return "\ufeff" + [COLUMNS, ...rows].map(line).join("\n") + "\n";
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([toTable()], { type: "text/csv" }));
  link.download = table;
  link.click();
  unsaved = false;
  say(`Saved as ${table}.`);
}

function parse(text) {
  const content = text.replace(/^\ufeff/, ""), first = content.split(/\r?\n/)[0];
  const mark = [",", ";", "\t"].sort((a, b) => first.split(b).length - first.split(a).length)[0];
  const rows = [[""]];
  let quoted = false;
  for (let index = 0; index < content.length; index++) {
    const letter = content[index], row = rows.at(-1), last = row.length - 1;
    if (quoted && letter === '"' && content[index + 1] === '"') { row[last] += '"'; index++; }
    else if (letter === '"' && (quoted || row[last] === "")) quoted = !quoted;
    else if (quoted) row[last] += letter;
    else if (letter === mark) row.push("");
    else if (letter === "\n") rows.push([""]);
    else if (letter !== "\r") row[last] += letter;
  }
  const header = rows.shift().map((name) => name.trim().toLowerCase());
  return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ""])));
}

function read(text, name) {
  const rows = parse(text).filter((row) => (row.points ?? "") !== "" || (row.comment ?? "") !== "");
  let taken = 0, offered = 0, elsewhere = 0;
  for (const row of rows) {
    const answer = answers.find((one) => one.id === row.id);
    if (!answer) { elsewhere++; continue; }
    const points = row.points.replace(/^'+/, "").trim();
    const typed = { points: points === "wait" ? "" : points, comment: unquote(row.comment ?? "") };
    const here = { points: answer.points.value, comment: answer.comment.value };
    if (same(typed, here)) continue;
    if (row.version && row.version !== answer.element.dataset.version) {
      offer(answer, typed, `In ${name}, for another answer`);
      offered++;
    } else if (here.points.trim() !== "" || here.comment !== "") {
      offer(answer, typed, `In ${name}`);
      offered++;
    } else { fill(answer, typed); keep(answer); taken++; }
  }
  say(`${taken} read from ${name}` + (offered ? `, ${offered} differ from what is here: see there` : "")
    + (elsewhere ? `, ${elsewhere} are not on this page` : "") + ".");
}

document.getElementById("save").addEventListener("click", save);
document.getElementById("copy").addEventListener("click", async () => {
  try { await navigator.clipboard.writeText(toTable()); say("Copied."); }
  catch (error) { say("This browser does not let a page from a file copy: save the table instead."); }
});
document.getElementById("load").addEventListener("click", () => document.getElementById("file").click());
document.getElementById("file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) read(decode(new Uint8Array(await file.arrayBuffer())), file.name);
  event.target.value = "";
});

// UTF-8, UTF-16 with a byte order mark, and else Windows-1252, as spreadsheets save tables.
function decode(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try { return new TextDecoder("utf-8", { fatal: true }).decode(bytes); }
  catch (error) { return new TextDecoder("windows-1252").decode(bytes); }
}
