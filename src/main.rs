//! heeler: see the library.

fn main() {}
