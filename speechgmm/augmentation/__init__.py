"""Data augmentation: altered versions of training recordings that keep their labels.

A model trained on these depends less on the channel and on the pitch of the original recordings. Augmentation is for
training only; evaluation uses the recordings unaltered.

Main path: `augment.augment` selects the kind and seeds the generator, then calls one of

- `channel.augment_channel`: room, noise, telephone band, codec;
- `vocal_effort.raise_effort`: a raised voice;
- `nonspeech_sounds.augment_nonspeech`: non-speech recordings at another pitch, over another channel.
"""
