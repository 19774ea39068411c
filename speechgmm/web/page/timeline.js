// What is known of one recording: filled by the events of the server.

const UNKNOWN = "unknown", NONSPEECH = "nonspeech";

// Numbers that are appended, in one array that grows.
class Growing {
  constructor(type) {
    this.values = new type(4096);
    this.length = 0;
  }

  append(more) {
    if (this.length + more.length > this.values.length) {
      const grown = new this.values.constructor(2 * (this.length + more.length));
      grown.set(this.values.subarray(0, this.length));
      this.values = grown;
    }
    this.values.set(more, this.length);
    this.length += more.length;
  }
}

export class Timeline {
  constructor(name) {
    this.name = name;
    this.labels = [];
    this.start = 0;
    this.step = 0.05;
    this.nBands = 0;
    this.columns = new Growing(Uint8Array);
    this.speech = new Growing(Float32Array);
    this.evidence = new Map();
    this.segments = [];
    this.current = null;
    this.heard = 0;
    this.duration = null;
    this.warning = "";
    this.ended = false;
  }

  get reached() {
    return this.segments.length ? this.segments.at(-1).end : this.start;
  }

  // The time up to which something is known.
  get end() {
    return Math.max(this.start + this.speech.length * this.step, this.reached, this.current?.end ?? 0);
  }

  take(event) {
    const take = {
      start: () => {
        this.labels = event.labels;
        this.start = event.start;
        this.step = event.step_s;
        this.nBands = event.n_bands;
        for (const label of event.labels) this.evidence.set(label, new Growing(Float32Array));
      },
      evidence: () => {
        this.columns.append(Uint8Array.from(atob(event.bands), (character) => character.charCodeAt(0)));
        this.speech.append(event.speech);
        for (const [label, values] of Object.entries(event.classes)) this.evidence.get(label).append(values);
      },
      progress: () => {
        this.heard = event.heard_s;
        this.duration = event.duration_s;
      },
      current: () => { this.current = event; },
      segment: () => {
        const { type, ...segment } = event;
        this.segments.push(segment);
        if (this.current && this.current.start < segment.end) this.current = null;
      },
      end: () => {
        this.current = null;
        this.ended = true;
        this.heard = event.heard_s;
        this.duration = event.duration_s;
        this.warning = event.warning;
      },
    };
    take[event.type]?.();
  }

  // Index of a label for its colour, from 1; 0 for what is no class.
  colour(label) {
    return this.labels.indexOf(label) < 0 ? 0 : 1 + (this.labels.indexOf(label) % 6);
  }

  // Seconds of each label, and the share of each class in the labelled speech.
  times() {
    const seconds = new Map([...this.labels, UNKNOWN, NONSPEECH].map((label) => [label, 0]));
    for (const { label, start, end } of this.segments) seconds.set(label, seconds.get(label) + end - start);
    const labelled = this.labels.reduce((sum, label) => sum + seconds.get(label), 0);
    return [...seconds].map(([label, own]) => {
      const isClass = this.labels.includes(label);
      return { label, seconds: own, share: isClass && labelled ? own / labelled : null };
    });
  }
}

export { NONSPEECH, UNKNOWN };
