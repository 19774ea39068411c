"""The explanation of mixtures and EM: one page with figures that move, computed by this engine when it is made.

- What is shown: `scene` has the parts of a figure (marks, panels, steps), without a way to draw them. `views` makes
  marks of mixtures and frames, `traced_fit` keeps the mixture of every iteration.
- Data: `material` has the frames of the chapters: Old Faithful, or the columns of a user's table (`table_columns`).
- Chapters: one module each, `NAME_chapter`, whose function computes with the engine and returns a `scene.Chapter`.
  `chapters` lists them.
- Drawing: `page` writes one HTML file, whose script `explain.js` draws the scenes as SVG. `stills` draws the same
  scenes with matplotlib, for slides.
"""
