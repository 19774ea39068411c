"""From samples to frames: the MFCC front end and the choice of the frames that hold speech."""
