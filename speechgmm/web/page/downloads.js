// Results as files, in the formats of `speechgmm segment`.

import { NONSPEECH } from "./timeline.js";

const COLUMNS = ["path", "start", "end", "label", "probability", "reason", "warning"];

// A spreadsheet would run these texts as formulas.
const FORMULA = /^'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/;

function cell(value) {
  const isFormula = typeof value === "string" && FORMULA.test(value) && !Number.isFinite(Number(value));
  const text = (isFormula ? "'" : "") + String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv(timeline) {
  const rows = timeline.segments.map(({ start, end, label, probability, reason }) =>
    [timeline.name, start.toFixed(3), end.toFixed(3), label, probability, reason, timeline.warning]);
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
}

function json(timeline) {
  return JSON.stringify({
    schema: "speechgmm-segments",
    schema_version: 1,
    path: timeline.name,
    segments: timeline.segments,
    duration_s: timeline.reached,
    heard_s: timeline.heard,
    warning: timeline.warning,
  }, null, 1) + "\n";
}

function textgrid(timeline) {
  const intervals = timeline.segments.filter(({ start, end }) => start < end);
  const end = timeline.reached.toFixed(3);
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

export function download(timeline, format) {
  const { write, suffix, type } = FORMATS[format];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([write(timeline)], { type }));
  link.download = timeline.name.replace(/\.[^.]*$/, "") + suffix;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
