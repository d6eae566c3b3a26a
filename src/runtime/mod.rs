//! The effects of a run: the loop, spawning, streams, the terminal, signals, containment.
