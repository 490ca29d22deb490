// The section "Why this score": a form of the columns, and the answer of /explain drawn.

import { against, changed, explained, make } from "./contributions.js";
import { ask, given, refused } from "./token.js";

const by = (id) => document.getElementById(id);
const DELIMITERS = [",", ";", "\t", "|"];

let columns = []; // of the schema, in the order of a file
let inputs = {}; // of the shown columns, by name
let first = null; // the row that changes are compared with

/** The cells of one line of CSV. */
function cellsOf(line, delimiter) {
  const cell = new RegExp(`\\${delimiter}("(?:[^"]|"")*"|[^\\${delimiter}]*)`, "g");
  return [...(delimiter + line).matchAll(cell)].map(([, text]) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text));
}

/** The row in pasted text: a JSON object, a header with a line, or a line of all columns. */
function rowOf(text, names) {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed)) {
    const content = [JSON.parse(trimmed)].flat()[0];
    return content?.row ?? content ?? {};
  }
  const lines = trimmed.split(/\r?\n/);
  const delimiter = DELIMITERS.find((each) => cellsOf(lines[0], each).length > 1) ?? ",";
  const cells = lines.map((line) => cellsOf(line, delimiter));
  const header = cells[0].some((cell) => names.includes(cell.trim())) && cells.length > 1 ? cells.shift() : names;
  if (cells[0].length !== header.length) throw new Error(`the line has ${cells[0].length} cells, and there are ${header.length} columns: ${header.join(", ")}`);
  return Object.fromEntries(header.map((name, at) => [name.trim(), cells[0][at]]));
}

/** What of the form is not empty. */
function row() {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]).filter(([, cell]) => cell !== ""));
}

/** The cells that differ from the first row's; an empty one is missing. */
function changes() {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]).filter(([name, cell]) => cell !== (first[name] ?? "")));
}

function begin(cells) {
  for (const [name, input] of Object.entries(inputs)) input.value = cells[name] ?? "";
  first = null;
  told();
}

/** What the button will do. */
function told() {
  const moved = first !== null && Object.keys(changes()).length > 0;
  by("why-ask").textContent = moved ? "What does the change do?" : "Why this score?";
  by("why-first").hidden = !moved;
}

function field(name, described, number) {
  const input = make("input");
  input.id = `why-${number}`;
  input.spellcheck = false;
  input.autocomplete = "off";
  input.setAttribute("aria-describedby", `why-kind-${number} why-error-${number}`);
  input.addEventListener("input", told);
  const label = make("label", name);
  label.htmlFor = input.id;
  const kind = make("small", described.replace(/^feature /, ""));
  kind.id = `why-kind-${number}`;
  const error = make("p", "", "refused");
  error.id = `why-error-${number}`;
  inputs[name] = input;
  return make("div", [label, kind, input, error]);
}

/** Say what is wrong, at the field if it is about one that is shown. */
function complain(problem) {
  const rest = [];
  for (const input of Object.values(inputs)) input.removeAttribute("aria-invalid");
  for (const error of document.querySelectorAll("#why-fields .refused")) error.textContent = "";
  for (const error of problem?.errors ?? []) {
    const input = inputs[error.column];
    if (!input) continue;
    input.setAttribute("aria-invalid", "true");
    input.nextElementSibling.textContent = error.detail;
    rest.push(error);
  }
  const told = rest.length > 0 && rest.length === problem.errors.length;
  by("why-trouble").textContent = !problem ? "" : told ? "The row is refused; the reason is at the cell concerned." : problem.detail ?? problem.message;
  document.querySelector("#why-fields [aria-invalid]")?.focus();
}

/** The answer of the server, once it has a token if it needs one. */
async function asked(path, options) {
  for (;;) {
    const answer = await ask(path, options);
    if (!refused(answer)) return answer;
    await given(answer);
  }
}

async function explain() {
  const moved = first === null ? {} : changes();
  const compares = Object.keys(moved).length > 0;
  const body = compares ? { row: first, changes: moved } : row();
  const answer = await asked(compares ? "explain" : "explain?what_if=true", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const content = await answer.json();
  if (!answer.ok) {
    complain(content);
    return;
  }
  complain(null);
  if (!compares) first = body;
  const about = make("p", `Version ${content.version}, held against ${against(content.baseline)}.`, "note");
  by("why-answer").replaceChildren(...(compares ? changed(content) : explained(content, content.baseline)), about);
  told();
}

function paste() {
  by("why-paste-trouble").textContent = "";
  if (!by("why-paste").value.trim()) return;
  try {
    const pasted = rowOf(by("why-paste").value, columns);
    const strange = Object.keys(pasted).filter((name) => !columns.includes(name));
    if (strange.length) by("why-paste-trouble").textContent = `Left out, since the model has no such column: ${strange.join(", ")}.`;
    begin(pasted);
  } catch (error) {
    by("why-paste-trouble").textContent = `This is no row: ${error.message}.`;
  }
}

async function form() {
  const answer = await asked("openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const openapi = await answer.json();
  const example = openapi.paths["/explain"].post.requestBody.content["application/json"].examples.row.value;
  const { properties } = openapi.components.schemas.Row;
  columns = Object.keys(properties).filter((name) => !properties[name].deprecated);
  by("why-fields").replaceChildren(...Object.keys(example).map((name, number) => field(name, properties[name].description ?? "", number)));
  begin(example);
  by("why-form").addEventListener("submit", (event) => {
    event.preventDefault();
    explain().catch((error) => complain({ message: `No answer: ${error.message}.` }));
  });
  by("why-first").addEventListener("click", () => begin(first));
  by("why-paste").addEventListener("input", paste);
  by("why-ask").disabled = false;
}

/** Show the form, which sends the example until it holds another row. */
export function showWhy() {
  form().catch((error) => { by("why-trouble").textContent = `The columns could not be read: ${error.message}.`; });
}
