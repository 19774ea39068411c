"""Pages for people: self-contained HTML with pictures and short clips of audio, made of what reports hold."""
