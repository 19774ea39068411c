"use strict";
{
  const part = (id) => document.getElementById(id); // ids of timeline.py
  const [lanes, frame, axis] = ["lanes", "frame", "axis"].map(part);
  const [cursor, pointer, readout, slider] = ["cursor", "pointer", "readout", "position"].map(part);
  const sound = part("sound");
  const duration = Number(slider.max);
  const buttons = [...document.querySelectorAll("button.start")];
  const segments = buttons.map((button) => {
    const row = button.closest("tr");
    return { row, start: Number(button.value), end: Number(row.querySelector("data").value) };
  });
  const tickSteps = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];
  const maxZoom = 2 ** Math.max(0, Math.min(8, Math.ceil(Math.log2(duration / 10))));
  let zoom = 1;
  let current = null;

  const clock = (time, decimals) => {
    const unit = 10 ** decimals;
    const total = Math.floor(time * unit + 1e-6);
    const seconds = ((total / unit) % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
    const minutes = Math.floor(total / unit / 60);
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${seconds}`;
  };

  const segmentAt = (time) => {
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (segments[middle].start <= time) low = middle + 1;
      else high = middle;
    }
    const segment = segments[low - 1];
    return segment && time < segment.end ? segment : null;
  };

  const describe = (time) => {
    const segment = segmentAt(time);
    if (!segment) return `${clock(time, 1)}: no segment`;
    const [start, end, label, probability] = [...segment.row.cells].map((cell) => cell.textContent);
    const suffix = probability ? `, probability ${probability}` : "";
    // The label is isolated because it may be right-to-left text.
    return `${clock(time, 1)}: \u2068${label}\u2069${suffix} (${start} to ${end})`;
  };

  const place = (line, time) => {
    line.style.left = `${(100 * time) / duration}%`;
    line.hidden = false;
  };

  // Scroll a time into view if it is out of view and within maxDistance pixels of the right edge.
  const follow = (time, maxDistance) => {
    const width = frame.clientWidth;
    const x = (time / duration) * lanes.clientWidth - frame.scrollLeft;
    if ((x < 0 || x > width) && Math.abs(x - width) < maxDistance) frame.scrollLeft += x - width / 10;
  };

  const show = (time) => {
    place(cursor, time);
    slider.value = time;
    slider.setAttribute("aria-valuetext", describe(time));
    if (pointer.hidden) readout.textContent = describe(time);
    const segment = segmentAt(time);
    if (segment === current) return;
    current?.row.removeAttribute("aria-current");
    segment?.row.setAttribute("aria-current", "true");
    current = segment;
  };

  const go = (time, play) => {
    sound.currentTime = time;
    show(time);
    follow(time, Infinity);
    if (play) sound.play().catch(() => (part("playback_error").hidden = !sound.error));
  };

  const run = () => {
    show(sound.currentTime);
    follow(sound.currentTime, frame.clientWidth / 10); // a user who has scrolled away is left there
    if (!sound.paused) requestAnimationFrame(run);
  };

  const timeOf = (event) => {
    const box = lanes.getBoundingClientRect();
    return Math.min(Math.max(((event.clientX - box.left) / box.width) * duration, 0), duration);
  };

  const drawAxis = () => {
    const room = lanes.clientWidth / 90;
    const step = tickSteps.find((candidate) => duration / candidate <= room) ?? 86400;
    const timeAt = (x) => (duration * (frame.scrollLeft + x * frame.clientWidth)) / lanes.clientWidth;
    const last = Math.min(timeAt(2), duration); // ticks also one frame width left and right of the visible part
    axis.replaceChildren();
    for (let number = Math.max(0, Math.floor(timeAt(-1) / step)); number * step < last; number += 1) {
      const time = number * step;
      const add = (kind, attributes) => {
        const node = document.createElementNS(axis.namespaceURI, kind);
        for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
        return axis.appendChild(node);
      };
      const x = `${(100 * time) / duration}%`;
      add("line", { x1: x, x2: x, y2: 6 });
      if ((1 - time / duration) * lanes.clientWidth > 60) {
        add("text", { x, y: 20, dx: 3 }).textContent = clock(time, step < 1 ? 1 : 0);
      }
    }
  };

  // The cursor, if it is visible, else the middle, in pixels from the left edge of the frame.
  const anchor = () => {
    const x = cursor.offsetLeft - frame.scrollLeft;
    return x >= -2 && x <= frame.clientWidth ? x : frame.clientWidth / 2;
  };

  // What is at x stays there.
  const zoomTo = (newZoom, x = anchor()) => {
    const share = (frame.scrollLeft + x) / lanes.clientWidth;
    zoom = Math.min(Math.max(newZoom, 1), maxZoom);
    lanes.style.setProperty("--zoom", zoom);
    frame.scrollLeft = share * lanes.clientWidth - x;
    part("zoom_in").disabled = zoom >= maxZoom;
    part("zoom_out").disabled = part("zoom_all").disabled = zoom <= 1;
    drawAxis();
  };

  const inFrame = (clientX) => clientX - frame.getBoundingClientRect().left;
  const keys = { "+": () => zoomTo(zoom * 2), "=": () => zoomTo(zoom * 2), "-": () => zoomTo(zoom / 2), 0: () => zoomTo(1) };
  let pinch = null; // zoom and distance of the fingers when they touched the screen

  const fingers = ({ touches: [one, other] }) => ({
    distance: Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
    x: inFrame((one.clientX + other.clientX) / 2),
  });

  frame.addEventListener("keydown", (event) => {
    const change = keys[event.key];
    if (!change || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    change();
  });
  // A pinch on a touchpad is a wheel event with the control key, too. The wheel alone scrolls the page.
  const wheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 20 : 1); // or lines
    zoomTo(zoom * 2 ** (Math.min(Math.max(-pixels, -100), 100) / 100), inFrame(event.clientX));
  };
  frame.addEventListener("wheel", wheel, { passive: false });
  frame.addEventListener("touchstart", (event) => {
    pinch = event.touches.length === 2 ? { zoom, distance: fingers(event).distance } : null;
  });
  const move = (event) => {
    if (!pinch || event.touches.length !== 2) return;
    event.preventDefault();
    const { distance, x } = fingers(event);
    zoomTo((pinch.zoom * distance) / Math.max(pinch.distance, 1), x);
  };
  frame.addEventListener("touchmove", move, { passive: false });

  lanes.addEventListener("pointermove", (event) => {
    const time = timeOf(event);
    place(pointer, time);
    readout.textContent = describe(time);
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
  part("zoom_in").addEventListener("click", () => zoomTo(zoom * 2));
  part("zoom_out").addEventListener("click", () => zoomTo(zoom / 2));
  part("zoom_all").addEventListener("click", () => zoomTo(1));
  sound.addEventListener("play", run);
  sound.addEventListener("seeked", () => {
    show(sound.currentTime);
    follow(sound.currentTime, Infinity);
  });
  sound.addEventListener("error", () => (part("playback_error").hidden = false));
  frame.addEventListener("scroll", drawAxis);
  new ResizeObserver(drawAxis).observe(frame);

  part("controls").hidden = false;
  if (sound.error) part("playback_error").hidden = false;
  zoomTo(1);
  show(0);
}
