// Results as files, in the formats of `speechgmm segment`.

import { NONSPEECH } from "./session.js";

const COLUMNS = ["path", "start", "end", "label", "probability", "reason", "warning"];

// A spreadsheet would run these texts as formulas.
const FORMULA = /^'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/;

function cell(value) {
  const isFormula = typeof value === "string" && FORMULA.test(value) && !Number.isFinite(Number(value));
  const text = (isFormula ? "'" : "") + String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv(session) {
  const rows = session.segments.map(({ start, end, label, probability, reason }) =>
    [session.name, start.toFixed(3), end.toFixed(3), label, probability, reason, session.warning]);
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
}

function json(session) {
  return JSON.stringify({
    schema: "speechgmm-segments",
    schema_version: 1,
    path: session.name,
    segments: session.segments,
    duration_s: session.reached,
    heard_s: session.heard,
    warning: session.warning,
  }, null, 1) + "\n";
}

function textgrid(session) {
  const intervals = session.segments.filter(({ start, end }) => start < end);
  const end = session.reached.toFixed(3);
  const texts = intervals.map((segment, index) => `\
        intervals [${index + 1}]:
            xmin = ${segment.start.toFixed(3)}
            xmax = ${segment.end.toFixed(3)}
            text = "${segment.label === NONSPEECH ? "" : segment.label.replaceAll('"', '""')}"
`);
  return `\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = ${end}
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "voices"
        xmin = 0
        xmax = ${end}
        intervals: size = ${intervals.length}
${texts.join("")}`;
}

const FORMATS = {
  csv: { write: csv, suffix: ".csv", type: "text/csv" },
  json: { write: json, suffix: ".json", type: "application/json" },
  textgrid: { write: textgrid, suffix: ".TextGrid", type: "text/plain" },
};

export function download(session, format) {
  const { write, suffix, type } = FORMATS[format];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([write(session)], { type }));
  link.download = session.name.replace(/\.[^.]*$/, "") + suffix;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
