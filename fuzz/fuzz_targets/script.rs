//! Any text is a script or a list of mistakes, never a panic; and every mistake can be shown.

#![no_main]

use heeler::script::compile::Given;
use heeler::script::source::Source;
use heeler::script::{Format, Loaded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for format in [Format::Toml, Format::Json] {
        let source = Source { name: "fuzz".to_owned(), text: text.to_owned() };
        let loaded = Loaded::new(format, source, &mut |_, _| Err("none".to_owned()));
        for check in [false, true] {
            let given = Given { set: &[], words: None, check, signal: |_| Some(15), secrets: &[] };
            for finding in loaded.check(&given) {
                let _ = (finding.headline(&loaded.sources), finding.lines(&loaded.sources));
            }
        }
    }
});
