//! The script as text.

use std::fmt::Write;
use std::time::Duration;

use super::{About, Act, Step};
use crate::expect::escape::show;
use crate::expect::mask::Mask;
use crate::expect::program::Text;
use crate::expect::tape::Session;
use crate::script::emit::quoted;

/// What is around the steps.
pub(super) struct Frame<'a> {
    pub(super) session: &'a Session,
    pub(super) about: &'a About<'a>,
    pub(super) mask: &'a Mask,
    /// How long the command went on after the last input.
    pub(super) last: Duration,
}

/// A step that waited for longer gets a limit of its own, with room.
const SLOW: Duration = Duration::from_secs(10);
/// So many equal answers to one prompt suggest a rule.
const OFTEN: usize = 3;

/// The whole script.
pub(super) fn script(steps: &[Step], frame: &Frame<'_>) -> String {
    let mut out = String::new();
    // A string takes all that is written.
    let _ = head(&mut out, steps, frame).and_then(|()| {
        for (index, step) in steps.iter().enumerate() {
            self::step(&mut out, steps, index, step)?;
        }
        exit(&mut out, frame)
    });
    out
}

fn head(out: &mut String, steps: &[Step], frame: &Frame<'_>) -> std::fmt::Result {
    let About { argv, script, cast, .. } = frame.about;
    let argv: Vec<String> = argv.iter().map(|arg| frame.mask.text(arg.as_bytes())).collect();
    writeln!(out, "#!/usr/bin/env -S heeler run --script")?;
    writeln!(out, "# Learned by `heeler learn` from: {}", line(&argv.join(" ")))?;
    writeln!(out, "# Run it:     heeler run --script {}", line(script))?;
    match cast {
        Some(cast) => {
            writeln!(out, "# Check it:   heeler check {} --against {}", line(script), line(cast))?;
        }
        None => writeln!(out, "# Check it:   heeler check {}", line(script))?,
    }
    writeln!(out, "version = 1\n\n[command]")?;
    let argv: Vec<String> = argv.iter().map(|arg| quoted(&escaped(arg))).collect();
    writeln!(out, "argv = [{}]\npty = true", argv.join(", "))?;
    let (columns, rows) = frame.session.size;
    writeln!(out, "size = \"{columns}x{rows}\"")?;
    for secret in secrets(steps) {
        let uses: Vec<&Step> =
            steps.iter().filter(|step| step.act == Act::Secret(secret)).collect();
        let n = secret + 1;
        writeln!(
            out,
            "\n# Typed unseen{}. The value is not in here. Instead of being",
            at(uses[0])
        )?;
        writeln!(out, "# asked: env = \"SECRET{n}\", file = \"...\", or cmd = \"...\".")?;
        writeln!(out, "[secrets.secret{n}]\nask = true")?;
    }
    Ok(())
}

/// At which prompt.
fn at(step: &Step) -> String {
    let wait = step.wait.as_ref();
    let shown = wait.map(|wait| wait.literal.as_ref().unwrap_or(&wait.pattern));
    shown.map_or_else(String::new, |shown| format!(" at `{}`", line(shown.trim())))
}

/// The secrets that steps use, each once.
fn secrets(steps: &[Step]) -> Vec<usize> {
    let used = steps.iter().filter_map(|step| match step.act {
        Act::Secret(index) => Some(index),
        _ => None,
    });
    let mut used: Vec<usize> = used.collect();
    used.sort_unstable();
    used.dedup();
    used
}

fn step(out: &mut String, steps: &[Step], index: usize, step: &Step) -> std::fmt::Result {
    writeln!(out)?;
    let same = |other: &&Step| other.wait == step.wait && other.act == step.act;
    let first = steps.iter().position(|other| same(&other)) == Some(index);
    let times = steps.iter().filter(same).count();
    if let (Some(wait), true, true) = (&step.wait, first, times >= OFTEN) {
        writeln!(
            out,
            "# The same prompt had the same answer {times} times. If their number may be"
        )?;
        writeln!(
            out,
            "# another, put this in front of the first step, and leave those steps out:"
        )?;
        writeln!(out, "#   [[rule]]\n#   on = {}", pattern(wait))?;
        if let Some(act) = act(&step.act) {
            writeln!(out, "#   {act}")?;
        }
    }
    if let Some(literal) = step.wait.as_ref().and_then(|wait| wait.literal.as_ref()) {
        writeln!(out, "# It was: {}", line(literal))?;
    }
    if step.act == Act::Unseen {
        writeln!(
            out,
            "# Something was typed here that the terminal did not show, without Enter. It is left"
        )?;
        writeln!(out, "# out; add what the command needs.")?;
        if step.wait.is_none() {
            return Ok(());
        }
    }
    writeln!(out, "[[step]]")?;
    if let Some(wait) = &step.wait {
        writeln!(out, "expect = {}", pattern(wait))?;
        if wait.screen {
            writeln!(out, "view = \"screen\"")?;
        }
        slow(out, step.waited)?;
    }
    if let Some(act) = act(&step.act) {
        writeln!(out, "{act}")?;
    }
    Ok(())
}

fn slow(out: &mut String, waited: Duration) -> std::fmt::Result {
    if waited > SLOW {
        writeln!(out, "within = \"{}s\"", waited.as_secs() * 3 + 1)?;
    }
    Ok(())
}

fn exit(out: &mut String, frame: &Frame<'_>) -> std::fmt::Result {
    writeln!(out)?;
    match frame.session.exit {
        Some(code) if code > 128 => {
            writeln!(out, "# It was ended by signal {}.\n[[step]]\nwait_exit = true", code - 128)?;
        }
        Some(code) => writeln!(out, "[[step]]\nwait_exit = {code}")?,
        None => writeln!(out, "[[step]]\nwait_exit = true")?,
    }
    slow(out, frame.last)
}

/// What is done, as a line.
fn act(act: &Act) -> Option<String> {
    Some(match act {
        Act::Line(text) => format!("line = {}", quoted(&escaped(text))),
        Act::Send(bytes) => format!("send = {}", quoted(&escaped(&show(bytes, usize::MAX)))),
        Act::Key(name) => format!("key = {}", quoted(name)),
        Act::Secret(index) => format!("secret = \"secret{}\"", index + 1),
        Act::Unseen => return None,
    })
}

fn pattern(wait: &super::Wait) -> String {
    quoted(&escaped(&wait.pattern))
}

/// `${` is a name to a script; `$${` is not.
fn escaped(text: &str) -> String {
    Text::literal(text).to_string()
}

/// In a comment nothing may end the line.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
