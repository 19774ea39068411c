"""Front end: MFCC or band-comparison features of the speech frames of a recording.

Main path of a recording:

- `extraction`: audio file, optionally augmented -> stretches of speech frames;
- `front_end.stream_stretches`: samples -> for every stream, the speech frames of each stretch of up to a minute;
- `offset.without_offset`, `log_mel.log_mel_bands`: high-pass, Hann windows, power spectra, `mel_filters`, logarithm;
- `voice_activity.speech_frames`: voice activity detection (VAD);
- `cepstra.cepstra` or `binary_patterns.patterns`: the features;
- `front_end.normalise_mean`: cepstral mean normalisation (CMN), applied at training and scoring.

`options` holds the parameters, `array_types` the array types. `bands` yields log mel bands in short chunks
(segmentation).
"""
