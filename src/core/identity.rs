//! Which process is meant, and whether two sightings are of the same one.
