"""A fuzzer for everything that the package reads, and kills of its commands; `scripts/fuzz.py` runs both.

Main path: `campaign.run` -> `worker.Worker` (a process per target) -> `trials.attempt` -> `Target.case` (a valid input,
mutated) and `Target.run` (an entry point of the package, and what must hold of its answer).

==================  ===========================================================
`trials`            cases, targets, verdicts
`worker`            the process that runs the cases of a target, with limits
`campaign`          cases in turn, until the time is over; counts; findings
`byte_mutations`    mutations of bytes
`text_mutations`    mutations of text, and other spellings of the same table
`size_fields`       sizes that headers declare
`material`          voices and a small model
`sound_files`       WAV, FLAC, Ogg, MP3, AIFF, AU, CAF and others
`media_files`       MP4, Matroska, MPEG-TS and others
`live_sound`        WAV and raw samples on stdin
`text_files`        manifests, references, scores, recipes
`kept_files`        models, checkpoints, kept features
`kills`             commands that are killed while they work
==================  ===========================================================
"""
