// The timeline on a canvas: spectrogram, evidence of each step, a lane for each label, and the axis of time.

import { UNKNOWN } from "./timeline.js";

const AXIS = 22, LANE = 26, GAP = 6, EVIDENCE = 0.22;
const RANGE = 150; // of 255: as much below the loudest point is drawn
const MOST_EVIDENCE = 0.35; // nats in a step that fill the lane

export function draw(canvas, timeline, from, to) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = "12px system-ui, sans-serif";
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const view = { from, to, width, x: (time) => ((time - from) / (to - from)) * width };
  const labels = [...timeline.labels, UNKNOWN];
  const lanes = labels.length * LANE;
  const free = height - lanes - AXIS - 2 * GAP;
  const evidence = Math.round(free * EVIDENCE);
  const spectrogram = free - evidence;
  drawSpectrogram(context, timeline, view, spectrogram, colour("--ink"), ratio);
  drawEvidence(context, timeline, view, spectrogram + GAP, evidence, colour);
  labels.forEach((label, index) => {
    drawLane(context, timeline, view, label, height - AXIS - lanes + index * LANE, colour);
  });
  drawAxis(context, view, height, colour);
}

function steps(timeline, view) {
  const first = Math.max(Math.floor((view.from - timeline.start) / timeline.step), 0);
  const last = Math.min(Math.ceil((view.to - timeline.start) / timeline.step), timeline.speech.length);
  return [first, last];
}

function rgb(text) {
  const number = parseInt(text.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

function drawSpectrogram(context, timeline, view, height, ink, ratio) {
  const [first, last] = steps(timeline, view);
  const { nBands, columns } = timeline;
  if (last <= first || !nBands) return;
  // More steps than pixels: each pixel is the loudest of some of them.
  const stride = Math.max(Math.floor((last - first) / (view.width * ratio)), 1);
  const nColumns = Math.ceil((last - first) / stride);
  const image = new ImageData(nColumns, nBands);
  const [red, green, blue] = rgb(ink);
  let loudest = RANGE;
  for (let index = first * nBands; index < last * nBands; index++) loudest = Math.max(loudest, columns.values[index]);
  for (let column = 0; column < nColumns; column++) {
    const until = Math.min(first + (column + 1) * stride, last);
    for (let band = 0; band < nBands; band++) {
      let value = 0;
      for (let step = first + column * stride; step < until; step++) {
        value = Math.max(value, columns.values[step * nBands + band]);
      }
      const strength = Math.max((value - loudest + RANGE) / RANGE, 0);
      image.data.set([red, green, blue, 255 * strength ** 1.5], 4 * ((nBands - 1 - band) * nColumns + column));
    }
  }
  const small = new OffscreenCanvas(nColumns, nBands);
  small.getContext("2d").putImageData(image, 0, 0);
  const left = view.x(timeline.start + first * timeline.step);
  context.drawImage(small, left, 0, view.x(timeline.start + (first + nColumns * stride) * timeline.step) - left, height);
}

function drawEvidence(context, timeline, view, top, height, colour) {
  const [first, last] = steps(timeline, view);
  const stride = Math.max(Math.floor((last - first) / view.width), 1);
  context.fillStyle = colour("--line");
  context.fillRect(0, top + height - 1, view.width, 1);
  for (let step = first; step < last; step += stride) {
    if (timeline.speech.values[step] <= 0) continue;
    let best = "", most = 0;
    for (const [label, { values }] of timeline.evidence) if (values[step] > most) [best, most] = [label, values[step]];
    if (!best) continue;
    const size = Math.min(most / MOST_EVIDENCE, 1) * height;
    const left = view.x(timeline.start + step * timeline.step);
    const right = view.x(timeline.start + (step + stride) * timeline.step);
    context.fillStyle = colour(`--class-${timeline.colour(best)}`);
    context.fillRect(left, top + height - size, Math.max(right - left - 0.5, 0.5), size);
  }
}

function drawLane(context, timeline, view, label, top, colour) {
  const own = timeline.colour(label) ? colour(`--class-${timeline.colour(label)}`) : colour("--faint");
  context.fillStyle = colour("--raised");
  context.fillRect(0, top + 2, view.width, LANE - 4);
  const bar = ({ start, end, probability }, isFinal) => {
    const left = Math.max(view.x(start), -1), right = Math.min(view.x(end), view.width + 1);
    if (right < 0 || left > view.width) return;
    context.globalAlpha = isFinal ? 0.85 : 0.35;
    context.fillStyle = own;
    context.fillRect(left, top + 2, Math.max(right - left - 1, 1), LANE - 4);
    context.globalAlpha = 1;
    if (isFinal && probability !== null && right - left > 110) {
      context.fillStyle = colour("--ground");
      context.textAlign = "right";
      context.fillText(probability.toFixed(3), right - 6, top + LANE / 2 + 4);
    }
  };
  for (const segment of timeline.segments) if (segment.label === label) bar(segment, true);
  if (timeline.current?.label === label && timeline.current.label !== UNKNOWN) bar(timeline.current, false);
  context.textAlign = "left";
  const width = context.measureText(label).width;
  context.fillStyle = colour("--ground");
  context.globalAlpha = 0.8;
  context.fillRect(2, top + 5, width + 8, LANE - 10);
  context.globalAlpha = 1;
  context.fillStyle = colour("--ink");
  context.fillText(label, 6, top + LANE / 2 + 4);
}

function drawAxis(context, view, height, colour) {
  const interval = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600].find((each) => view.x(view.from + each) >= 64) ?? 7200;
  context.fillStyle = colour("--faint");
  context.textAlign = "left";
  for (let time = Math.ceil(view.from / interval) * interval; time < view.to; time += interval) {
    context.fillRect(view.x(time), height - AXIS, 1, 5);
    context.fillText(clock(time, 0), view.x(time) + 3, height - 6);
  }
}

// Hours, minutes and seconds, such as 0:01:02.5.
export function clock(seconds, decimals = 1) {
  const whole = Math.round(seconds * 10 ** decimals);
  const minutes = Math.floor(whole / (60 * 10 ** decimals));
  const rest = (whole - minutes * 60 * 10 ** decimals) / 10 ** decimals;
  const parts = [Math.floor(minutes / 60), String(minutes % 60).padStart(2, "0")];
  return [...parts, rest.toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0")].join(":");
}
