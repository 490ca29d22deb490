// Draws answers of /explain: what each column adds as bars, reasons and other outcomes as sentences.

/** An element with content: texts and elements, or lists of them. */
export function make(name, content = [], kind = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...[content].flat(Infinity));
  return made;
}

export const four = (value) => value.toFixed(4);
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
const AGAINST = {
  missing: () => "a row without any value",
  typical: (rows) => `${rows} typical rows`,
  file: (rows) => `${rows} rows of the baseline's file`,
};

/** What a score is held against, in words. */
export function against(baseline) {
  return `${AGAINST[baseline.kind](baseline.rows)} (their mean score is ${four(baseline.score)})`;
}

/** 1 where raising the score is adverse, -1 where lowering it is; 0 where the config does not say. */
function adverseSide(answer) {
  if (!answer.reasons) return 0;
  if (answer.reasons.length) return Math.sign(answer.reasons[0].contribution);
  return -Math.sign(answer.contributions[0]?.contribution ?? 0);
}

/** What a direction does, and whom it is good for. */
function words(value, adverse) {
  const effect = value > 0 ? "raises the score" : "lowers the score";
  return adverse ? `${effect} (${value * adverse > 0 ? "adverse" : "favourable"})` : effect;
}

/** Adverse bars are hatched, so that they differ without colours. */
function kind(value, adverse) {
  if (!adverse) return value > 0 ? "up" : "down";
  return value * adverse > 0 ? "adverse" : "favourable";
}

function bar(value, most, adverse) {
  const drawn = make("i", [], kind(value, adverse));
  drawn.style.width = `${(50 * Math.abs(value)) / most}%`;
  drawn.style[value < 0 ? "right" : "left"] = "50%";
  const ground = make("span", value ? drawn : [], "bar");
  ground.setAttribute("role", "img");
  ground.setAttribute("aria-label", value ? words(value, adverse) : "adds nothing");
  return ground;
}

function heading(content) {
  const made = make("th", content);
  made.scope = "row";
  return made;
}

/** A table of bars, each of a name, a cell and a number in log-odds; those without a bar are sums. */
function bars(title, lines, adverse) {
  const drawn = lines.filter((line) => !line.sum);
  const most = Math.max(...drawn.map((line) => Math.abs(line.value)), 1e-9);
  const rows = lines.map((line) => make("tr", [
    heading([line.name, " ", make("span", line.cell ?? "", "cell")]),
    make("td", line.sum ? [] : bar(line.value, most, adverse)),
    make("td", signed(line.value), "number"),
  ], line.sum ? "sum" : ""));
  const legend = [1, -1].filter((side) => drawn.some((line) => line.value * side > 0))
    .map((side) => make("span", [make("i", [], kind(side, adverse)), words(side, adverse)]));
  return make("div", [make("table", [make("caption", title), make("tbody", rows)], "bars"), make("p", legend, "key")]);
}

/** The bars of one row: the baseline, what each column adds to it, and their sum. */
function contributions(answer, baseline) {
  const sum = answer.log_odds + answer.adjustment;
  const columns = answer.contributions.map((each) => ({ name: each.column, cell: each.value || "missing", value: each.contribution }));
  if (answer.other) columns.push({ name: "of no column", value: answer.other });
  // An answer may tell only the strongest columns.
  const rest = answer.log_odds - baseline.log_odds - columns.reduce((total, each) => total + each.value, 0);
  if (Math.abs(rest) > 1e-3) columns.push({ name: "the other columns", value: rest });
  if (answer.adjustment) columns.push({ name: "adjustment", cell: "calibration, imbalance", value: answer.adjustment });
  const lines = [
    { name: "baseline", cell: AGAINST[baseline.kind](baseline.rows), value: baseline.log_odds, sum: true },
    ...columns,
    { name: "sum", cell: `score ${four(answer.score)}`, value: sum, sum: true },
  ];
  return bars("What each column adds, in log-odds", lines, adverseSide(answer));
}

const NO_REASONS = "The server gives no reasons in words: its config needs explain.adverse, and a baseline of rows.";

function reasons(answer) {
  const title = make("h3", "Reasons");
  if (!answer.reasons) return [title, make("p", NO_REASONS, "empty")];
  if (!answer.reasons.length) return [title, make("p", "No column worked against this row.")];
  return [title, make("ol", answer.reasons.map((each) => make("li", each.reason)))];
}

function whatIf(found, label) {
  const cell = (value) => value || "nothing";
  const numbers = found.numbers.map((each) => make("li",
    [make("b", each.column), " ", make("b", each.to), ` instead of ${cell(each.value)}: score ${four(each.score)}`]));
  const others = found.categories.map((each) => make("li", [
    make("b", each.column), " ",
    each.to.flatMap((one, at) => [at ? " or " : "", make("b", cell(one.value)), ` (score ${four(one.score)})`]),
    ` instead of ${cell(each.value)}`,
  ]));
  const list = [...numbers, ...others];
  const said = list.length ? `The label would not be “${label}” with any one of these:` : `No change of one cell alone would make it other than “${label}”.`;
  return [make("h3", "What would have changed it"), make("p", said), list.length ? make("ul", list) : [], make("p", found.note, "note")];
}

/** Why one row has its score. */
export function explained(answer, baseline) {
  return [
    make("p", ["Score ", make("b", four(answer.score)), `, so the label is “${answer.label}”`], "score"),
    contributions(answer, baseline),
    reasons(answer),
    answer.what_if ? whatIf(answer.what_if, answer.label) : [],
    answer.method === "sampled" ? make("p", "The contributions are sampled, not exact.", "note") : [],
  ].flat();
}

/** What changes of cells do to a score. */
export function changed({ before, after, difference, baseline, note }) {
  const columns = difference.columns.map((each) => ({
    name: each.column, cell: each.value === each.to ? "" : `${each.value || "missing"} → ${each.to || "missing"}`, value: each.difference,
  }));
  if (difference.adjustment) columns.push({ name: "adjustment", value: difference.adjustment });
  const lines = [...columns, { name: "sum", value: difference.log_odds + difference.adjustment, sum: true }];
  const whole = make("details", [make("summary", "The changed row in full"), ...explained(after, baseline)]);
  return [
    make("p", ["Score ", make("b", four(before.score)), ` (“${before.label}”) becomes `, make("b", four(after.score)), ` (“${after.label}”)`], "score"),
    bars("What the change moves, by column, in log-odds", lines, adverseSide(after)),
    make("p", note, "note"),
    whole,
  ];
}
