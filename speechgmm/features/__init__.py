"""Front end: MFCC or band-comparison features of the speech frames of a recording.

Main path of a recording:

- `extraction`: audio file, optionally augmented -> stretches of speech frames;
- `front_end.stream_stretches`: samples -> for every stream, the speech frames of each stretch of up to a minute;
- `front_end.power_spectrum`, `log_mel_bands`: high-pass, Hann windows, mel bands, logarithm;
- `voice_activity.speech_frames`: voice activity detection (VAD);
- `front_end.cepstra` or `binary_patterns.patterns`: the features;
- `front_end.normalise_mean`: cepstral mean normalisation (CMN), applied at training and scoring.

`options` holds the parameters, `array_types` the array types. `bands` yields log mel bands in short chunks
(segmentation).
"""
