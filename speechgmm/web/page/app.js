// The page: sound from the microphone or a file to the server, and its events to the page.

import { download } from "./downloads.js";
import { clock, draw } from "./drawing.js";
import { NONSPEECH, Timeline, UNKNOWN } from "./timeline.js";

const LIVE_SPAN = 30; // seconds in view while sound comes in
const MOST_WAITING = 4 << 20; // bytes that the connection has not taken

const byId = (id) => document.getElementById(id);
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const authorization = token ? { Authorization: `Bearer ${token}` } : {};

let timeline = null;
let stop = null; // ends the sound that comes in; null if none does
let follows = true; // whether the view keeps to the end
let nRows = 0;
let isDrawing = false;

function begin(name, ending) {
  timeline = new Timeline(name);
  stop = ending;
  follows = true;
  nRows = 0;
  byId("segments").replaceChildren();
  byId("problem").hidden = byId("warning").hidden = true;
  byId("results").hidden = true;
  showBusy(true);
}

function finish(text) {
  stop = null;
  showBusy(false);
  byId("status").textContent = text;
  byId("progress").hidden = true;
  if (timeline?.speech.length) {
    byId("span").max = Math.max(Math.ceil(timeline.end - timeline.start), 5);
    byId("span").value = byId("span").max;
    byId("position").value = timeline.start;
  }
  show();
}

function fail(detail) {
  byId("problem").textContent = detail;
  byId("problem").hidden = false;
}

function showBusy(isBusy) {
  byId("stop").hidden = !isBusy;
  byId("microphone").disabled = byId("file").disabled = isBusy;
  byId("file").parentElement.classList.toggle("disabled", isBusy);
}

function take(event) {
  if (event.type === "problem") {
    fail(event.detail);
    return;
  }
  timeline.take(event);
  if (timeline.labels.length) byId("results").hidden = false;
  show();
}

// Many events may come before the next picture.
function show() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (!timeline || byId("results").hidden) return;
    showAnswer();
    showTimes();
    showSegments();
    showView();
  });
}

function showAnswer() {
  const spoken = timeline.segments.filter(({ label }) => label !== NONSPEECH);
  const { current } = timeline;
  const last = current && (timeline.labels.includes(current.label) || !spoken.length) ? current : spoken.at(-1);
  byId("answer").className = last && last === current ? "provisional" : "";
  byId("label").textContent = last?.label ?? "";
  byId("label").className = last ? `class-${timeline.colour(last.label)}` : "";
  const probability = last?.probability ?? null;
  byId("probability").textContent = probability === null ? "" : `probability ${probability.toFixed(3)}`;
  const time = last ? `${clock(last.start)} to ${clock(last.end)}` : "no speech yet";
  const state = last && last === current ? ", not final yet" : "";
  const now = current && last !== current ? `; now: ${current.reason}` : "";
  byId("reason").textContent = `${time}${state}${last?.reason ? `: ${last.reason}` : ""}${now}`;
}

function showTimes() {
  byId("times").replaceChildren(...timeline.times().map(({ label, seconds, share }) =>
    row(label, marked(label), clock(seconds), share === null ? "" : `${(100 * share).toFixed(1)} %`)));
}

function showSegments() {
  const isAtEnd = byId("segments").closest(".tall");
  const near = isAtEnd.scrollHeight - isAtEnd.scrollTop - isAtEnd.clientHeight < 60;
  for (; nRows < timeline.segments.length; nRows++) {
    const { start, end, label, probability, reason } = timeline.segments[nRows];
    byId("segments").append(
      row(label, clock(start, 2), clock(end, 2), marked(label), probability === null ? "" : probability.toFixed(3), reason));
  }
  if (near && stop) isAtEnd.scrollTop = isAtEnd.scrollHeight;
  byId("warning").textContent = timeline.warning;
  byId("warning").hidden = !timeline.warning;
  for (const button of byId("downloads").querySelectorAll("button")) button.disabled = !timeline.segments.length;
}

function row(label, ...cells) {
  const made = document.createElement("tr");
  made.className = label === NONSPEECH ? "nonspeech" : "";
  for (const content of cells) {
    const cell = document.createElement("td");
    cell.append(content);
    made.append(cell);
  }
  return made;
}

function marked(label) {
  const mark = document.createElement("span");
  mark.className = `mark class-${timeline.colour(label)}`;
  mark.textContent = label;
  return mark;
}

function showView() {
  const length = Math.max(timeline.end - timeline.start, 1);
  const span = Math.min(Number(byId("span").value), Math.max(length, LIVE_SPAN));
  const last = Math.max(timeline.end - span, timeline.start);
  byId("position").min = timeline.start;
  byId("position").max = last;
  if (stop && follows) byId("position").value = last;
  const from = Number(byId("position").value);
  draw(byId("timeline"), timeline, from, from + (stop ? span : Math.min(span, length)));
}

async function useMicrophone() {
  begin("microphone", () => {});
  byId("span").max = byId("span").value = LIVE_SPAN;
  byId("status").textContent = "The browser asks for the microphone.";
  let microphone, context;
  try {
    if (!navigator.mediaDevices) throw new Error("a page of another machine needs https");
    const unchanged = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    microphone = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, ...unchanged } });
    context = new AudioContext();
    await context.audioWorklet.addModule("microphone.js");
    await context.resume();
  } catch (error) {
    microphone?.getTracks().forEach((track) => track.stop());
    fail(`The microphone cannot be used: ${error.message || error.name}.`);
    finish("");
    return;
  }
  listen(microphone, context);
}

function listen(microphone, context) {
  const address = new URL(`live?encoding=f32le&rate=${context.sampleRate}`, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.hash = "";
  const socket = new WebSocket(address, ["speechgmm", ...(token ? [`bearer.${token}`] : [])]);
  socket.binaryType = "arraybuffer";
  const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
  const silence = () => {
    microphone.getTracks().forEach((track) => track.stop());
    context.close().catch(() => {});
    node.port.onmessage = null;
  };
  stop = () => {
    silence();
    byId("status").textContent = "The last segments are being finished.";
    if (socket.readyState === WebSocket.OPEN) socket.send("end");
    else socket.close();
  };
  socket.onopen = () => {
    byId("status").textContent = "Listening.";
    node.port.onmessage = ({ data }) => {
      socket.send(data.buffer);
      if (socket.bufferedAmount > MOST_WAITING) {
        fail("The connection is too slow for the sound.");
        stop();
      }
    };
    context.createMediaStreamSource(microphone).connect(node);
  };
  socket.onmessage = ({ data }) => take(JSON.parse(data));
  socket.onclose = () => {
    const wasComplete = timeline.ended || !byId("problem").hidden;
    silence();
    if (!wasComplete) fail("The server does not answer, refused the connection, or has no place for a live stream.");
    finish(timeline.ended ? "Done." : "");
  };
}

async function useFile(file) {
  const abort = new AbortController();
  begin(file.name, () => abort.abort());
  byId("status").textContent = `${file.name}: sending.`;
  byId("progress").hidden = false;
  byId("progress").removeAttribute("value");
  const form = new FormData();
  form.append("file", file);
  try {
    const options = { method: "POST", body: form, headers: authorization, signal: abort.signal };
    const response = await fetch("segment?format=events", options);
    if (!response.ok) throw new Error((await response.json()).detail);
    for await (const event of lines(response)) {
      take(event);
      if (event.type === "progress") showProgress(file.name);
    }
    if (!timeline.ended && byId("problem").hidden) throw new Error("the answer ended before the recording");
  } catch (error) {
    if (error.name !== "AbortError") fail(error.message);
  }
  finish(timeline.ended ? `${file.name}: done.` : `${file.name}: not finished.`);
}

async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function showProgress(name) {
  const { heard, duration } = timeline;
  const share = duration ? Math.min(heard / duration, 1) : null;
  byId("status").textContent = `${name}: heard ${clock(heard, 0)}${duration ? ` of ${clock(duration, 0)}` : ""}.`;
  if (share === null) byId("progress").removeAttribute("value");
  else byId("progress").value = share;
}

async function showModel() {
  const response = await fetch("model", { headers: authorization });
  const answer = await response.json();
  if (!response.ok) {
    fail(answer.detail);
    return;
  }
  byId("model").textContent = `${answer.file.name}, labels ${answer.labels.join(", ")}`;
}

byId("microphone").addEventListener("click", useMicrophone);
byId("stop").addEventListener("click", () => stop?.());
byId("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) useFile(file);
});
byId("downloads").addEventListener("click", ({ target }) => { if (target.value) download(timeline, target.value); });
byId("span").addEventListener("input", show);
byId("position").addEventListener("input", ({ target }) => {
  follows = Number(target.value) >= Number(target.max) - 1;
  show();
});
window.addEventListener("resize", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover" && !stop);
    const [file] = event.dataTransfer?.files ?? [];
    if (name === "drop" && file && !stop) useFile(file);
  });
}
showModel().catch(() => fail("The server does not answer."));
