"use strict";
{
  const part = (id) => document.getElementById(id);
  const [lanes, frame, axis] = ["lanes", "frame", "axis"].map(part);
  const [cursor, pointer, readout, slider] = ["cursor", "pointer", "readout", "position"].map(part);
  const sound = part("sound");
  const duration = Number(slider.max);
  const buttons = [...document.querySelectorAll("button.start")];
  const segments = buttons.map((button) => {
    const row = button.closest("tr");
    return { row, start: Number(button.value), end: Number(row.querySelector("data").value) };
  });
  const steps = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];
  const widest = 2 ** Math.max(0, Math.min(8, Math.ceil(Math.log2(duration / 10))));
  let zoom = 1;
  let current = null;

  const clock = (time, decimals) => {
    const unit = 10 ** decimals;
    const all = Math.floor(time * unit + 1e-6);
    const rest = ((all / unit) % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
    const minutes = Math.floor(all / unit / 60);
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
  };

  const segmentAt = (time) => {
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (segments[middle].start <= time) low = middle + 1;
      else high = middle;
    }
    const found = segments[low - 1];
    return found && time < found.end ? found : null;
  };

  const told = (time) => {
    const found = segmentAt(time);
    if (!found) return `${clock(time, 1)}: no segment`;
    const [start, end, label, probability] = [...found.row.cells].map((cell) => cell.textContent);
    const sure = probability ? `, probability ${probability}` : "";
    return `${clock(time, 1)}: \u2068${label}\u2069${sure} (${start} to ${end})`; // isolated: it may run from right to left
  };

  const place = (line, time) => {
    line.style.left = `${(100 * time) / duration}%`;
    line.hidden = false;
  };

  const follow = (time, farthest) => {
    const width = frame.clientWidth;
    const x = (time / duration) * lanes.clientWidth - frame.scrollLeft;
    if ((x < 0 || x > width) && Math.abs(x - width) < farthest) frame.scrollLeft += x - width / 10;
  };

  const show = (time) => {
    place(cursor, time);
    slider.value = time;
    slider.setAttribute("aria-valuetext", told(time));
    if (pointer.hidden) readout.textContent = told(time);
    const found = segmentAt(time);
    if (found === current) return;
    current?.row.removeAttribute("aria-current");
    found?.row.setAttribute("aria-current", "true");
    current = found;
  };

  const go = (time, play) => {
    sound.currentTime = time;
    show(time);
    follow(time, Infinity);
    if (play) sound.play().catch(() => (part("silent").hidden = !sound.error));
  };

  const run = () => {
    show(sound.currentTime);
    follow(sound.currentTime, frame.clientWidth / 10); // who has scrolled elsewhere is left there
    if (!sound.paused) requestAnimationFrame(run);
  };

  const timeOf = (event) => {
    const box = lanes.getBoundingClientRect();
    return Math.min(Math.max(((event.clientX - box.left) / box.width) * duration, 0), duration);
  };

  const drawAxis = () => {
    const room = lanes.clientWidth / 90;
    const step = steps.find((one) => duration / one <= room) ?? 86400;
    const seen = (x) => (duration * (frame.scrollLeft + x * frame.clientWidth)) / lanes.clientWidth;
    const last = Math.min(seen(2), duration); // a width more on either side of what is seen
    axis.replaceChildren();
    for (let number = Math.max(0, Math.floor(seen(-1) / step)); number * step < last; number += 1) {
      const time = number * step;
      const add = (kind, attributes) => {
        const made = document.createElementNS(axis.namespaceURI, kind);
        for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
        return axis.appendChild(made);
      };
      const x = `${(100 * time) / duration}%`;
      add("line", { x1: x, x2: x, y2: 6 });
      if ((1 - time / duration) * lanes.clientWidth > 60) {
        add("text", { x, y: 20, dx: 3 }).textContent = clock(time, step < 1 ? 1 : 0);
      }
    }
  };

  const zoomTo = (wanted) => {
    const seen = cursor.offsetLeft - frame.scrollLeft; // what stays where it is: the cursor, or the middle
    const x = seen >= -2 && seen <= frame.clientWidth ? seen : frame.clientWidth / 2;
    const share = (frame.scrollLeft + x) / lanes.clientWidth;
    zoom = wanted;
    lanes.style.setProperty("--zoom", zoom);
    frame.scrollLeft = share * lanes.clientWidth - x;
    part("closer").disabled = zoom >= widest;
    part("wider").disabled = zoom <= 1;
    drawAxis();
  };

  lanes.addEventListener("pointermove", (event) => {
    const time = timeOf(event);
    place(pointer, time);
    readout.textContent = told(time);
  });
  lanes.addEventListener("pointerleave", () => {
    pointer.hidden = true;
    show(Number(sound.currentTime));
  });
  lanes.addEventListener("click", (event) => go(timeOf(event), true));
  slider.addEventListener("input", () => go(Number(slider.value), false));
  for (const button of buttons) {
    button.disabled = false;
    button.addEventListener("click", () => go(Number(button.value), true));
  }
  part("closer").addEventListener("click", () => zoomTo(zoom * 2));
  part("wider").addEventListener("click", () => zoomTo(zoom / 2));
  sound.addEventListener("play", run);
  sound.addEventListener("seeked", () => {
    show(sound.currentTime);
    follow(sound.currentTime, Infinity);
  });
  sound.addEventListener("error", () => (part("silent").hidden = false));
  frame.addEventListener("scroll", drawAxis);
  new ResizeObserver(drawAxis).observe(frame);

  part("controls").hidden = false;
  if (sound.error) part("silent").hidden = false;
  zoomTo(1);
  show(0);
}
