//! A release binary on Linux with glibc is linked statically and for a fixed address, where the static libraries
//! are there: half of what it costs to start heeler is otherwise the work of the dynamic linker (measured:
//! 0.7 ms of 1.5). Where they are not, it is linked as any other.
//!
//! rustc can do that itself (`-C target-feature=+crt-static`), but only for everything that is built at once,
//! procedural macros included, which cannot be static; so a plain `cargo build` could not. The linker is
//! therefore shown the static libraries under the names that rustc asks for.
//!
//! glibc asks the processor some thirty questions at every start, static or not, and where there is a hypervisor
//! each takes it up to 8 us: a quarter of a millisecond. musl asks none; where a start counts, build for that.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script reads what cargo says, asks the compiler and writes files"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What rustc's standard library asks for, and what is static of it.
const LIBRARIES: [(&str, &[&str]); 7] = [
    ("gcc_s", &["libgcc_eh.a", "libgcc.a"]),
    ("c", &["libc.a"]),
    ("m", &["libm.a"]),
    ("rt", &["librt.a"]),
    ("pthread", &["libpthread.a"]),
    ("dl", &["libdl.a"]),
    ("util", &["libutil.a"]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HEELER_DYNAMIC");
    println!("cargo::rerun-if-changed=schemas");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    pack_schemas(Path::new(&var("OUT_DIR"))).expect("schemas/ is readable and OUT_DIR writable");
    // Whoever chose a linker may have one that knows no such scripts (mold); HEELER_ANY_ORDER=1 is for whoever has
    // one in another way.
    println!("cargo::rerun-if-env-changed=HEELER_ANY_ORDER");
    let usual_linker = var("RUSTC_LINKER").is_empty()
        && var("HEELER_ANY_ORDER").is_empty()
        && !var("CARGO_ENCODED_RUSTFLAGS").contains("fuse-ld")
        && !var("CARGO_ENCODED_RUSTFLAGS").contains("linker=");
    if var("PROFILE") == "release" && var("CARGO_CFG_TARGET_OS") == "linux" && usual_linker {
        // What usual runs call is in one place (`benches/order.rs`): GNU's linker and LLVM's can do that.
        let root = var("CARGO_MANIFEST_DIR");
        println!("cargo::rerun-if-changed=link/often.ld");
        println!("cargo::rustc-link-arg-bins=-T");
        println!("cargo::rustc-link-arg-bins={root}/link/often.ld");
    }
    if var("PROFILE") == "release" && var("CARGO_CFG_TARGET_ENV") == "musl" {
        // Nobody asks a release for its build id, and its parts need no pages of their own in the file.
        for argument in ["-Wl,-z,noseparate-code", "-Wl,--build-id=none"] {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
    let wanted = var("PROFILE") == "release"
        && var("HOST") == var("TARGET")
        && var("CARGO_CFG_TARGET_OS") == "linux"
        && var("CARGO_CFG_TARGET_ENV") == "gnu"
        && !var("CARGO_CFG_TARGET_FEATURE").contains("crt-static")
        && var("HEELER_DYNAMIC").is_empty();
    if !wanted {
        return;
    }
    let dir = Path::new(&var("OUT_DIR")).join("static");
    if let Some(()) = show(&dir) {
        // For the program alone: benchmarks and tests are linked as ever.
        for argument in [&format!("-L{}", dir.display()), "-static", "-no-pie"] {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
}

/// The schemas as the program holds them: without the indentation, a third of what they are.
fn pack_schemas(out: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir("schemas")? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let packed: String = text.lines().map(str::trim_start).collect();
        std::fs::write(out.join(path.file_name().unwrap_or_default()), packed)?;
    }
    Ok(())
}

/// Fills `dir` with a linker script for each library; nothing when one of them is not there.
fn show(dir: &Path) -> Option<()> {
    std::fs::create_dir_all(dir).ok()?;
    for (name, parts) in LIBRARIES {
        let paths: Option<Vec<String>> = parts.iter().map(|part| find(part)).collect();
        let script = format!("INPUT({})\n", paths?.join(" "));
        std::fs::write(dir.join(format!("lib{name}.a")), script).ok()?;
    }
    Some(())
}

/// Where the C compiler has `library`.
fn find(library: &str) -> Option<String> {
    let output = Command::new("cc").arg(format!("-print-file-name={library}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // A name without a directory is one that it does not have.
    path.is_absolute().then(|| path.display().to_string())
}
