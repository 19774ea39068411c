"""Reading audio files and streams as blocks of mono float32 samples at one sampling rate.

Main path: `reading.blocks` -> `truncation.declared_length` (is the file truncated?) -> soundfile, or
`ffmpeg.open_media` -> `samples.mono_at_rate`. Live input: `live_input.blocks` -> `samples.mono_at_rate`.

==================  =====================================================================
`reading`           files, by soundfile or `ffmpeg`; duration, channel count, digest
`truncation`        declared length of WAV, AIFF, CAF, AU and Ogg files
`container_length`  declared length of MP4, Matroska, ASF, W64, NIST SPHERE and VOC files
`ffmpeg`            files that only PyAV (ffmpeg) can read
`samples`           downmix, checks and resampling; samples that are already in memory
`live_input`        WAV or raw samples from a pipe
==================  =====================================================================
"""
