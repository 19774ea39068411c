"""Results for people: self-contained HTML pages with figures, tables and audio clips.

Evaluation report: `write_report.publish` writes report.json, scores.csv, the figures as PNG and SVG, and report.html.

    publish -> page      sections and text of report.html
                 -> tables, card    numbers of report.json as HTML tables and lists
            -> pictures  figures as files and as inline SVG
                 -> figures, svg    drawing with matplotlib; its SVG in the page's colours and font
            -> clips     the loudest seconds of an example, as MP3 inside the page

Segments of one recording: `timeline.timeline_page` shows a waveform and one lane per label (`timeline_lanes`) with a
player (`embedded_sound`, `waveform_envelope`). Training curves: `training_plots`. HTML elements are built in
`html_elements`, and numbers with their place in report.json in `numbers`.
"""
