//! One file per subcommand: wires the layers, decides nothing subtle.
