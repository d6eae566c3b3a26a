//! What is generated from the tree: completions and man pages.

/// The completions of a shell.
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut super::tree(), "heeler", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every man page: file name and text, heeler(1) first.
pub fn pages() -> Vec<(String, String)> {
    Vec::new()
}
