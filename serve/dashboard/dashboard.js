// The dashboard: asks for the status each second, keeps the samples, and shows them.

import { Chart } from "./chart.js";
import { ask, given, refused } from "./token.js";
import { showWhy } from "./why.js";

const EVERY_MS = 1000;
const PATIENCE_MS = 5000;
// A quarter of an hour at one sample a second.
const KEPT = 900;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const four = (value) => (value === null || value === undefined ? "–" : value.toFixed(4));
const three = (value) => value.toFixed(3);
const by = (id) => document.getElementById(id);

const LEARNERS = {
  live: { label: "served score", kind: "live" },
  pinned: { label: "pinned version", kind: "pinned" },
  static: { label: "frozen copy", kind: "static" },
  base: { label: "base rate", kind: "base" },
};
const NO_LABELS = "No labels yet";
const charts = {
  log_loss: new Chart(by("log-loss"), LEARNERS, { title: "Log loss", format: three, least: 0.02, empty: NO_LABELS }),
  auc: new Chart(by("auc"), LEARNERS, { title: "AUC", format: three, least: 0.04, empty: NO_LABELS }),
  rate: new Chart(by("events-rate"), { rate: { label: "events a second", kind: "live" } },
    { title: "Events a second", format: (value) => short.format(value), least: 1, fromZero: true, empty: "No learner yet" }),
  lag: new Chart(by("lag-records"), { lag: { label: "records to read", kind: "live" } },
    { title: "Lag", format: (value) => short.format(value), least: 4, fromZero: true, empty: "No learner yet" }),
};
const times = [];
const seen = { log_loss: { live: [], pinned: [], static: [], base: [] }, auc: { live: [], pinned: [], static: [], base: [] }, rate: { rate: [] }, lag: { lag: [] } };

/** Keep a sample, and drop the oldest. */
function keep(now, samples) {
  times.push(now);
  for (const [chart, lines] of Object.entries(seen)) {
    for (const name of Object.keys(lines)) lines[name].push(samples[chart][name] ?? null);
  }
  if (times.length <= KEPT) return;
  times.shift();
  for (const lines of Object.values(seen)) for (const values of Object.values(lines)) values.shift();
}

let labels = null;

/** What the status adds to the curves: measures only where labels came since the last one. */
function sample(status) {
  const count = status.metrics?.count ?? null;
  const fresh = count !== null && count !== labels;
  labels = count;
  return { ...(fresh ? measuresOf(status) : { log_loss: {}, auc: {} }), ...paceOf(status) };
}

function paceOf(status) {
  return { rate: { rate: status.learner?.events_per_second }, lag: { lag: status.learner?.lag_records } };
}

function measuresOf(status) {
  const measured = status.metrics?.window ?? {};
  const frozen = status.metrics?.static?.window ?? {};
  const base = status.metrics?.contenders?.base_rate?.window ?? {};
  const pinned = status.metrics?.contenders?.pinned?.window ?? {};
  return {
    log_loss: { live: measured.log_loss, pinned: pinned.log_loss, static: frozen.log_loss, base: measured.base_rate_log_loss },
    // The base rate changes with the labels and may rank events a little: as measured, not 0.5.
    auc: { live: measured.auc, pinned: pinned.auc, static: frozen.auc, base: base.auc },
  };
}

function state(id, kind, text) {
  by(id).className = `state ${kind}`;
  by(id).textContent = text;
}

/** A time of today, or with its day. */
function since(moment) {
  const at = new Date(moment);
  const time = at.toLocaleTimeString([], { hourCycle: "h23" });
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString("sv")} ${time}`;
}

/** What the learner warns of, each in a heartbeat's text of its own; of a checkpoint it says what failed. */
function warnings(learner) {
  return Object.entries(learner ?? {}).filter(([name, text]) => name.endsWith("_trouble") && text)
    .map(([name, text]) => (name === "checkpoint_trouble" ? `The last checkpoint failed: ${text}` : text));
}

/** How far stream time is behind the clock, from two minutes on. */
function behindClock(streamed, at) {
  const minutes = (new Date(at) - streamed) / 60_000;
  const [size, unit] = [[1440, "days"], [60, "hours"], [1, "minutes"]].find(([length]) => minutes >= 2 * length) ?? [];
  return unit ? `, ${whole.format(Math.floor(minutes / size))} ${unit} behind the clock` : "";
}

function showStates(status) {
  const { served, pointers, learner } = status;
  if (!served) state("state-served", "bad", "no model yet");
  else state("state-served", pointers.pinned ? "warn" : "good", `serving version ${served.version}${pointers.pinned ? ", pinned" : ""}`);
  by("state-held").hidden = !status.held?.version;
  if (status.held?.version) state("state-held", "bad", `version ${status.held.version} held back`);
  if (!learner) state("state-learner", "warn", "no learner yet");
  else if (!learner.alive) state("state-learner", "bad", learner.refused ? "learner refuses its config" : "learner stopped");
  else state("state-learner", learner.up ? "good" : "bad", learner.up ? "learner alive" : "learner cannot save");
  state("state-registry", status.registry.reachable ? "good" : "bad", status.registry.reachable ? "registry reachable" : "registry unreachable");
  const waiting = learner?.waiting_for ? `The learner has been waiting since ${since(learner.waiting_since)}: ${learner.waiting_for}` : "";
  const refused = learner?.refused ? `The learner does not run: ${learner.refused}` : "";
  const held = status.held?.version ? `Version ${status.held.version} is held back. ${status.held.reason}` : "";
  const { rollback } = status;
  const back = rollback?.state === "failed" ? `Rollback ${rollback.rollback} of the learner failed. ${rollback.trouble}` : "";
  const trouble = [status.trouble, held, back, status.registry.trouble, refused, waiting, ...warnings(learner)].filter(Boolean).join(" ");
  by("trouble").textContent = trouble;
  by("trouble").hidden = !trouble;
}

/** What the learner goes back to and how far it is, and what nobody learns who reads the log again. */
function showRollback(status) {
  const { rollback, learner } = status;
  const back = rollback && rollback.state !== "failed" ? rollback : null;
  const waits = learner?.alive ? "" : back?.state === "asked" ? " It waits for the learner's next start." : " It goes on with the learner's next start.";
  const left = back?.progress?.seconds_left ?? null;
  const far = back?.progress ? ` It has read ${whole.format(back.progress.rows)} of ${whole.format(back.progress.of)} rows again${left === null ? "" : `; ${whole.format(left)} s left`}.` : "";
  by("rollback-words").textContent = back ? `The learner goes back to version ${back.version} (rollback ${back.rollback}, ${back.state}).${far}${waits}` : "";
  by("rollback-share").hidden = !back?.progress;
  by("rollback-share").value = back?.progress?.share ?? 0;
  const held = (status.quarantines ?? []).map((each) => `${each.quarantine} (${whole.format(each.offsets)} offsets${each.corrected ? `, ${whole.format(each.corrected)} rows corrected` : ""}: ${each.reason})`);
  by("quarantines").textContent = held.length ? `In quarantine: ${held.join(", ")}.` : "";
  by("rollback").hidden = !back && !held.length;
}

function showTiles(status) {
  const { served, pointers, learner } = status;
  const counts = learner?.counts ?? {};
  const count = (name) => (counts[name] === undefined ? "–" : whole.format(counts[name]));
  by("served").textContent = served ? served.version : "–";
  const newest = pointers.latest === null ? "" : `newest ${pointers.latest}`;
  const unmeasured = served && served.measured_as === null ? `not measured: ${served.why}` : "";
  const details = [served ? `since ${since(served.since)}` : "", served && pointers.pinned ? "pinned" : "", newest, unmeasured];
  by("served-more").textContent = details.filter(Boolean).join(", ");
  by("events").textContent = count("events");
  by("rate").textContent = learner ? `${whole.format(learner.events_per_second)} a second` : "";
  by("learned").textContent = count("learned");
  by("waiting").textContent = learner ? `${count("waiting")} waiting for a label` : "";
  by("rejected").textContent = count("rejected");
  by("rejected-more").textContent = learner ? `${count("duplicates")} duplicates, ${count("expired")} expired` : "";
  const lag = learner?.lag_records ?? null;
  by("lag").textContent = lag !== null ? whole.format(lag) : learner ? "unknown" : "–";
  by("lag-more").textContent = learner ? `records; heartbeat ${learner.heartbeat_age.toFixed(0)} s ago` : "";
}

/** A table cell; a list of texts and elements, or one of them. */
function cell(content, kind = "") {
  const made = document.createElement("td");
  made.className = kind;
  made.append(...[content].flat());
  return made;
}

function mark(text, kind = "") {
  const made = document.createElement("span");
  made.className = `mark ${kind}`;
  made.textContent = text;
  return made;
}

function fill(id, rows) {
  const table = by(id);
  table.tBodies[0].replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells);
    return row;
  }));
  table.parentElement.hidden = rows.length === 0;
  table.parentElement.nextElementSibling.hidden = rows.length > 0;
}

// The examples behind a version's weights, those of a file that it goes on from too.
function trained(version) {
  const { examples, from_files: ofFile } = version.trained_on ?? { examples: version.learned, from_files: 0 };
  return whole.format(examples) + (ofFile ? ` (${whole.format(ofFile)} from a file)` : "");
}

function showTables(status) {
  const { pointers, served } = status;
  fill("versions", (status.versions ?? []).map((version) => {
    const marks = [];
    if (served?.version === version.version) marks.push(mark(pointers.pinned ? "served, pinned" : "served"));
    if (pointers.latest === version.version) marks.push(mark("newest", "latest"));
    if (version.adoption) marks.push(mark("to be taken by the learner", "latest"));
    const refused = version.state === "refused";
    const why = version.state === "candidate" ? `held back: ${version.reason}` : `refused: ${version.reason}`;
    const told = version.reason && (refused || version.state === "candidate");
    return [
      cell([String(version.version), ...marks]),
      cell(told ? why : version.state, told ? "words refused" : ""),
      cell(trained(version), "number"),
      cell(whole.format(version.rejected), "number"),
      cell(four(version.metrics.log_loss), "number"),
      cell(four(version.metrics.auc), "number"),
      cell(since(version.created_at), "last"),
    ];
  }));
  fill("history", (status.history ?? []).map((entry) => [
    cell(since(entry.at)),
    cell(`${entry.action}${entry.version === null ? "" : ` ${entry.version}`}`, ["refuse", "hold"].includes(entry.action) ? "refused" : ""),
    cell(entry.from === entry.to ? `${entry.to ?? "–"}` : `${entry.from ?? "–"} → ${entry.to ?? "–"}`),
    cell(entry.reason, "words"),
    cell(entry.actor),
  ]));
}

/** What the learner's own figures are called: they are of what is served only if nothing else is. */
function learnerCalled(status) {
  return status.served && status.served.measured_as !== "learner" ? "learner" : "served score";
}

/** The learner's score and what it is compared with, and the value of decisions. */
function showMeasured(status) {
  const metrics = status.metrics ?? {};
  const { base_rate: base, pinned, served: given, ...others } = metrics.contenders ?? {};
  const pin = metrics.pinned ? `pinned version ${metrics.pinned.version}${status.served?.measured_as === "pinned" ? " (served)" : ""}` : "pinned";
  const learner = learnerCalled(status);
  const rows = [[learner, metrics], ["given over HTTP", given], [pin, pinned], ["frozen copy", metrics.static], ["base rate", base], ...Object.entries(others)]
    .filter(([, measured]) => measured?.count);
  fill("measured", rows.map(([name, measured]) => [
    cell(name),
    cell(whole.format(measured.count), "number"),
    cell(four(measured.window?.log_loss), "number"),
    cell(four(measured.window?.auc), "number"),
    cell(four(measured.faded?.log_loss), "number"),
    cell(four(measured.log_loss), "number"),
    cell(four(measured.auc), "number"),
  ]));
  const value = metrics.value;
  by("value").hidden = !value;
  if (!value) return;
  const values = [[learner === "learner" ? "decisions by the learner" : "served decisions", "served"], ["never acting", "never"], ["always acting", "always"], ["frozen copy", "static"]]
    .filter(([, name]) => value[name] !== null && value[name] !== undefined)
    .map(([words, name]) => `${words} ${whole.format(value[name])}`);
  by("value").textContent = `Value so far: ${values.join(", ")}.`;
}

function show(status) {
  document.title = status.served ? `${status.model}: version ${status.served.version}` : status.model;
  by("model").textContent = status.model;
  showStates(status);
  showRollback(status);
  showTiles(status);
  showTables(status);
  showMeasured(status);
  LEARNERS.live.label = learnerCalled(status);
  const pinned = status.metrics?.contenders?.pinned?.window?.count;
  LEARNERS.pinned.label = pinned ? `pinned version (${whole.format(pinned)} labels)` : "pinned version";
  const size = status.metrics?.window?.count;
  const over = size ? ` over the last ${whole.format(size)} labels` : "";
  charts.log_loss.title.textContent = `Log loss${over}`;
  charts.auc.title.textContent = `AUC${over}`;
  const streamed = status.metrics?.stream_time;
  by("stream-time").textContent = streamed ? `Stream time ${new Date(streamed).toISOString().slice(0, 16).replace("T", " ")} UTC${behindClock(streamed, status.at)}` : "";
  by("updated").textContent = `Updated ${since(status.at)}`;
}

async function look() {
  try {
    const answer = await ask("status", { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (refused(answer)) {
      state("state-served", "warn", "token needed");
      await given(answer);
      look();
      return;
    }
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const status = await answer.json();
    if (!times.length) showWhy(); // needs the same token
    keep(Date.now(), sample(status));
    show(status);
    for (const [name, chart] of Object.entries(charts)) chart.draw({ times, values: seen[name] });
  } catch (error) {
    state("state-served", "bad", "server unreachable");
    by("updated").textContent = `No answer: ${error.message}`;
  }
  setTimeout(look, EVERY_MS);
}

look();
