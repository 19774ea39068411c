"use strict";
{
  const SVG = "http://www.w3.org/2000/svg";
  const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [300, 52, 8, 6, 40];
  const PACE = 900; // milliseconds of a step while playing

  const node = (tag, attributes = {}, ...children) => {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const html = (tag, text = "", name = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = name;
    return made;
  };

  // The name of a number: what follows "_" is an index.
  const named = (name) => {
    const [base, index = ""] = name.split("_");
    const term = html("dt", base);
    if (index) term.append(html("sub", index));
    return term;
  };

  // Colours are those of the style sheet, so they are read again when the colour scheme changes.
  let palette = [];
  const readPalette = () => {
    const style = getComputedStyle(document.documentElement);
    palette = ["--faint", 1, 2, 3, 4, 5, 6].map((each) => {
      const hex = style.getPropertyValue(typeof each === "string" ? each : `--series-${each}`).trim();
      return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    });
  };
  const css = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;
  const colour = (index) => css(palette[index]);
  const blend = (shares) => {
    const total = shares.reduce((sum, share) => sum + share, 0);
    if (!total) return colour(0);
    return css([0, 1, 2].map((c) => shares.reduce((sum, share, k) => sum + (share / total) * palette[(k % 6) + 1][c], 0)));
  };

  const blended = ({ components, bytes }) => {
    const all = [...atob(bytes)].map((each) => each.charCodeAt(0));
    const rows = all.length / components;
    return Array.from({ length: rows }, (_, row) => blend(all.slice(row * components, (row + 1) * components)));
  };

  const ticks = ({ low, high }, most) => {
    const rough = (high - low) / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    const values = [];
    for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i += 1) values.push(i * step);
    return { values, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  };

  class Panel {
    constructor(data) {
      this.data = data;
      this.framed = data.x.label || data.y.label;
      this.box = html("div", "", data.wide ? "panel wide" : "panel");
      this.legend = html("div", "", "legend");
      this.svg = node("svg", { role: "img", "aria-label": data.title || data.y.label });
      this.clip = `clip-${(Panel.count += 1)}`;
      this.box.append(...(data.title ? [html("h4", data.title)] : []), this.legend, this.svg);
    }

    // A wide panel has the width of two, where the page has room for two: its text then keeps its size.
    fit() {
      const width = this.data.wide && innerWidth > 700 ? 860 : 420;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      [this.left, this.right, this.top, this.bottom] = this.framed
        ? [LEFT, width - RIGHT, TOP, HEIGHT - BOTTOM]
        : [2, width - 2, 2, HEIGHT - 2];
    }

    x(value) {
      const { low, high } = this.data.x;
      return this.left + ((value - low) / (high - low)) * (this.right - this.left);
    }

    y(value) {
      const { low, high } = this.data.y;
      return this.bottom - ((value - low) / (high - low)) * (this.bottom - this.top);
    }

    show(marks) {
      this.fit();
      const clip = node("clipPath", { id: this.clip }, node("rect", {
        x: this.left, y: this.top, width: this.right - this.left, height: this.bottom - this.top,
      }));
      const drawing = node("g", { "clip-path": `url(#${this.clip})` });
      this.svg.replaceChildren(clip, ...this.axes(), drawing);
      this.legend.replaceChildren();
      for (const mark of [...this.data.marks, ...marks]) {
        drawing.append(this[mark.kind](mark));
        if (mark.label) this.name(mark);
      }
    }

    name(mark) {
      const entry = html("span", mark.label);
      entry.style.setProperty("--swatch", colour(mark.colour));
      this.legend.append(entry);
    }

    axes() {
      if (!this.framed) return [];
      const group = node("g");
      const across = ticks(this.data.x, this.right > 500 ? 10 : 6);
      const up = ticks(this.data.y, 5);
      for (const value of across.values) {
        const x = this.x(value);
        group.append(node("line", { class: "grid", x1: x, x2: x, y1: this.top, y2: this.bottom }));
        group.append(node("text", { x, y: this.bottom + 15, "text-anchor": "middle" }, value.toFixed(across.decimals)));
      }
      for (const value of up.values) {
        const y = this.y(value);
        group.append(node("line", { class: "grid", x1: this.left, x2: this.right, y1: y, y2: y }));
        group.append(node("text", { x: this.left - 5, y: y + 4, "text-anchor": "end" }, value.toFixed(up.decimals)));
      }
      const [middle, centre] = [(this.left + this.right) / 2, (this.top + this.bottom) / 2];
      group.append(
        node("path", { class: "axis", d: `M${this.left} ${this.top}V${this.bottom}H${this.right}` }),
        node("text", { x: middle, y: HEIGHT - 6, "text-anchor": "middle" }, this.data.x.label),
        node("text", { transform: `translate(11 ${centre}) rotate(-90)`, "text-anchor": "middle" }, this.data.y.label),
      );
      return [group];
    }

    points({ x, y, shares, size, shape, colour: index }) {
      const group = node("g");
      const fills = shares && blended(shares);
      x.forEach((each, i) => {
        const [cx, cy] = [this.x(each), this.y(y[i])];
        const fill = fills ? fills[i] : colour(index);
        const r = Array.isArray(size) ? size[i] : size;
        if (shape === "cross") {
          const d = `M${cx - r} ${cy - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;
          group.append(
            node("path", { d, stroke: "var(--ground)", "stroke-width": 6 }),
            node("path", { d, stroke: fill, "stroke-width": 3, class: "cross" }),
          );
        } else group.append(node("circle", { cx, cy, r, fill, "fill-opacity": 0.85 }));
      });
      return group;
    }

    line({ x, y, colour: index, dashed, width }) {
      let d = "";
      let pen = "M";
      x.forEach((each, i) => {
        if (each === null || y[i] === null) pen = "M";
        else {
          d += `${pen}${this.x(each).toFixed(1)} ${this.y(y[i]).toFixed(1)}`;
          pen = "L";
        }
      });
      const dash = dashed ? { "stroke-dasharray": "5 4" } : {};
      return node("path", { d, fill: "none", stroke: colour(index), "stroke-width": width, ...dash });
    }

    ellipse({ centre: [x, y], root: [[a, b], [c, d]], radius, ...style }) {
      const angles = Array.from({ length: 64 }, (_, i) => (2 * Math.PI * i) / 63);
      const outline = (middle, cos, sin) => angles.map((t) => middle + radius * (cos * Math.cos(t) + sin * Math.sin(t)));
      return this.line({ x: outline(x, a, b), y: outline(y, c, d), ...style });
    }

    bars({ left, right, bottom, top, colour: index }) {
      const group = node("g", { fill: colour(index), "fill-opacity": index ? 0.85 : 0.4 });
      left.forEach((each, i) => {
        const [x, y] = [this.x(each), this.y(top[i])];
        const [width, height] = [this.x(right[i]) - x, Math.max(this.y(bottom[i]) - y, 0)];
        group.append(node("rect", { x, y, width, height }));
      });
      return group;
    }

    image({ address, extent: [left, right, bottom, top], exact }) {
      const [x, y] = [this.x(left), this.y(top)];
      return node("image", {
        href: address, x, y, width: this.x(right) - x, height: this.y(bottom) - y, preserveAspectRatio: "none",
        class: exact ? "exact" : "smooth",
      });
    }

    text({ x, y, text }) {
      return node("text", { x: this.x(x), y: this.y(y) + 4, "text-anchor": "middle" }, text);
    }
  }
  Panel.count = 0;

  class Figure {
    constructor(box) {
      const data = JSON.parse(box.querySelector("script").textContent);
      const find = (name) => box.querySelector(`.${name}`);
      [this.variant, this.button, this.slider] = ["variant", "play", "scrub"].map(find);
      [this.label, this.numbers] = ["step", "numbers"].map(find);
      this.variants = data.variants;
      this.panels = data.panels.map((each) => new Panel(each));
      this.position = data.start;
      this.timer = null;
      find("panels").append(...this.panels.map((each) => each.box));
      this.variant?.addEventListener("change", () => this.go(0));
      this.slider?.addEventListener("input", () => this.go(Number(this.slider.value)));
      find("back")?.addEventListener("click", () => this.go(this.position - 1));
      find("on")?.addEventListener("click", () => this.go(this.position + 1));
      this.button?.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
      box.addEventListener("keydown", (event) => this.press(event, box));
      this.show();
    }

    get steps() {
      return this.variants[this.variant ? Number(this.variant.value) : 0].steps;
    }

    press(event, box) {
      if (event.target !== box || event.ctrlKey || event.altKey || event.metaKey) return;
      const last = this.steps.length - 1;
      const places = { ArrowLeft: this.position - 1, ArrowRight: this.position + 1, Home: 0, End: last };
      if (event.key in places) this.go(places[event.key]);
      else if (event.key === " " && last) this.timer ? this.pause() : this.play();
      else return;
      event.preventDefault();
    }

    go(position) {
      this.pause();
      this.position = Math.min(Math.max(position, 0), this.steps.length - 1);
      this.show();
    }

    play() {
      if (this.position === this.steps.length - 1) this.position = 0;
      this.button.textContent = "❚❚ pause";
      this.button.setAttribute("aria-label", "Pause");
      this.timer = setInterval(() => {
        if (this.position < this.steps.length - 1) this.position += 1;
        else this.pause();
        this.show();
      }, PACE);
      this.show();
    }

    pause() {
      clearInterval(this.timer);
      this.timer = null;
      if (!this.button) return;
      this.button.textContent = "▶ play";
      this.button.setAttribute("aria-label", "Play");
    }

    show() {
      const steps = this.steps;
      const step = steps[Math.min(this.position, steps.length - 1)];
      this.panels.forEach((panel, i) => panel.show(step.marks[i]));
      this.label.textContent = steps.length > 1 ? `${step.label} (${this.position + 1} of ${steps.length})` : step.label;
      this.numbers.replaceChildren(
        ...Object.entries(step.numbers).map(([name, value]) => {
          const entry = html("div");
          const shown = value === null ? "–" : Math.abs(value) < 1e-12 ? "0" : String(Number(value.toPrecision(6)));
          entry.append(named(name), html("dd", shown));
          return entry;
        }),
      );
      if (this.slider) {
        this.slider.max = steps.length - 1;
        this.slider.value = this.position;
        this.slider.setAttribute("aria-valuetext", step.label);
      }
    }
  }

  readPalette();
  const figures = [...document.querySelectorAll("figure.live")].map((box) => new Figure(box));
  const redraw = () => {
    readPalette();
    figures.forEach((figure) => figure.show());
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  addEventListener("resize", redraw);
}
