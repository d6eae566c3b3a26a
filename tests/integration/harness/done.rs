//! A process that has ended, compared with what was expected of it.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;

use super::text::{difference, listing, show};
use super::{Expected, find};

/// A process that has ended.
pub struct Done {
    pub(super) what: String,
    pub(super) dir: PathBuf,
    /// How it ended.
    pub status: ExitStatus,
    /// Its stdout.
    pub out: Vec<u8>,
    /// Its stderr.
    pub err: Vec<u8>,
    pub(super) report: Option<Vec<u8>>,
    /// The modes in which it left its terminal.
    pub modes: Option<rustix::termios::Termios>,
    /// From its start to its end.
    pub took: Duration,
    pub(super) expected: Expected,
}

impl Done {
    expectations!();

    /// Compares everything with what was expected.
    #[track_caller]
    pub fn check(self) -> Done {
        let expected = &self.expected;
        if !expected.any_status {
            match expected.signal {
                Some(signal) if self.status.signal() != Some(signal) => {
                    self.fail(&format!("expected death of signal {signal}"));
                }
                None if self.status.code() != Some(expected.code) => {
                    self.fail(&format!("expected exit code {}", expected.code));
                }
                _ => {}
            }
        }
        if !expected.any_out && self.out != expected.out {
            self.fail(&difference("stdout", &expected.out, &self.out));
        }
        if !expected.any_err && self.err != expected.err {
            self.fail(&difference("stderr", &expected.err, &self.err));
        }
        for part in &expected.err_parts {
            if find(&self.err, part.as_bytes()).is_none() {
                self.fail(&format!("stderr lacks {part:?}"));
            }
        }
        self
    }

    /// stdout as text.
    pub fn out_text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// stderr as text.
    pub fn err_text(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }

    /// The report, which has to be there, whole, and one line.
    #[track_caller]
    pub fn report(&self) -> Value {
        let Some(bytes) = &self.report else { self.fail("no report was asked for") };
        let line = bytes.strip_suffix(b"\n").unwrap_or_else(|| self.fail("no whole report"));
        if line.contains(&b'\n') {
            self.fail("the report is more than one line");
        }
        serde_json::from_slice(line).unwrap_or_else(|e| self.fail(&format!("the report: {e}")))
    }

    /// A field of the report by JSON pointer; null when it is absent.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> Value {
        self.report().pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    /// The outcome in the report.
    #[track_caller]
    pub fn outcome(&self) -> String {
        self.at("/outcome").as_str().unwrap_or_default().to_owned()
    }

    /// Fields of the report, by JSON pointer, have these values (null: absent).
    #[track_caller]
    pub fn has<V: Into<Value>>(&self, pointer: &str, value: V) -> &Done {
        let value = value.into();
        if self.at(pointer) != value {
            self.fail(&format!("expected {pointer} = {value}, is {}", self.at(pointer)));
        }
        self
    }

    /// It took at least and at most so long.
    #[track_caller]
    pub fn took_between(&self, least: Duration, most: Duration) -> &Done {
        if self.took < least || self.took > most {
            self.fail(&format!("expected it to take {least:?} to {most:?}, took {:?}", self.took));
        }
        self
    }

    /// Fails the test and shows everything.
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        let report = self.report.as_ref().map(|report| show("report", report)).unwrap_or_default();
        panic!(
            "{why}\n{}\nstatus:  {} after {:?}\n{}{}{report}files:\n{}",
            self.what,
            self.status,
            self.took,
            show("stdout", &self.out),
            show("stderr", &self.err),
            listing(&self.dir)
        );
    }
}
