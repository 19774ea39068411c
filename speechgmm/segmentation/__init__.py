"""Segmentation: which class speaks when in long recordings and live sound, and its evaluation against references.

From a recording to files (`segment_recordings` runs it for files, channels and streams of samples):

1. `emissions`: chunks of about 1 s of log mel bands become log-likelihoods of non-speech and of each class in each step
   of 50 ms.
2. `viterbi`: the best path through one state for non-speech and one for each class, with minimum durations and
   transition costs, found with a fixed lag.
3. `decoder`: drives both and classifies each run of a class as an utterance: a `Segment` with a calibrated probability.
4. `speaking_time`: sums per class, per hour and in all, with intervals from `bootstrap_intervals`.
5. `writers`: the output formats; `report_text` and `report_json` write speaking times for a terminal and as JSON.

From annotations to a report (`evaluate_segments` runs it):

1. `readers` and `references`: RTTM, TextGrid or CSV files become reference segments.
2. `error_rate`: identification error rate of one recording, with missed speech, false alarm and confusion.
3. `report`: the same over all recordings; `report_text` and `report_json` write it.

`options` holds the parameters and the time grid, `segment` the class `Segment`, `array_types` the array types.
"""
