"""From frames to who speaks when: what each step of time speaks for, and the best path through it."""
