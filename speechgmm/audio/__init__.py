"""Reading audio files and streams as blocks of mono float32 samples at one sampling rate.

Main path: `reading.blocks` -> `survey.survey` (is all of it there?) -> `sound_file`, or `media_process` ->
`samples.mono_at_rate`. Live input: `live_input.blocks` -> `samples.mono_at_rate`.

==================  =====================================================================
`reading`           files: blocks, duration, channel count, digest
`survey`            how much sound a file holds, for all formats; its parts follow
`extent`            the result of a survey
`chunks`            WAV, RF64, AIFF, SVX, CAF, AU
`declared_end`      formats whose header declares their end
`ogg`, `flac`       Ogg and FLAC
`mpeg_audio`        MP3, MP2, MP1
`streams`           AAC, AC-3, AMR, FLV, AVI, Matroska, MPEG streams, ASF
`units`             walks through frames, pages, packets and tags
`checksums`         cyclic redundancy checks
`memory_file`       recordings that are in memory
`byte_source`       bytes of a file as they are looked at, and as decoders read them
`sound_file`        files that libsndfile reads
`joined`            files that were joined, read as one
`media_process`     files that ffmpeg reads, in another process
`media_worker`      that process
`media_tracks`      the audio tracks of a media file
`media_clock`       its time stamps
`ffmpeg`            its decoder, PyAV
`samples`           downmix, checks and resampling; samples that are already in memory
`hearing`           what was heard, and what was odd
`live_input`        WAV or raw samples from a pipe
==================  =====================================================================
"""
