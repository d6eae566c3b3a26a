//! Dialogue flags in their order -> a program.
//!
//! `--expect` opens a step, `--on` a rule; what follows belongs to it. A watch (`--fail-on`, `--until`)
//! opens nothing: only a `--stream` or `--view` directly after it is its own, and actions go on belonging to
//! the step or rule it stands in.

use std::ffi::OsStr;
use std::time::Duration;

use crate::cli::run::Word;
use crate::cli::value::{Do, Stream, View as ViewFlag};
use crate::cli::{self, value};
use crate::expect::program::{
    Action, Branch, Listen, Origin, Program, Rule, Step, StreamId, Text, Verdict, View, Watch,
};

use super::error::ConfigError;
use super::patterns;

/// What `--within 0` amounts to: a limit that is never reached, since absent means the default.
const OFF: Duration = value::LONGEST;

/// The smallest window: less could not hold a prompt.
const SMALLEST_WINDOW: u64 = 256;

/// The program that the flags amount to, added to that of the script. `noted` are the patterns of `--retry-on match:P`:
/// watches with no verdict, which come first so that a note's number is also its watch's.
pub(super) fn compile(
    dialogue: &cli::run::Dialogue,
    noted: &[&str],
    mut program: Program,
) -> Result<Program, ConfigError> {
    if let Some(limit) = dialogue.expect_timeout {
        program.step_timeout = Some(limit).filter(|limit| !limit.is_zero());
        program.step_timeout_from = Origin::Flags;
    }
    if let Some(settle) = dialogue.settle {
        program.settle = settle;
    }
    if let Some(window) = dialogue.window {
        if window < SMALLEST_WINDOW {
            let message = format!("--window {window}: it is at least {SMALLEST_WINDOW} bytes");
            return Err(ConfigError::usage(message));
        }
        program.window = usize::try_from(window).unwrap_or(usize::MAX);
    }
    for (index, text) in noted.iter().enumerate() {
        let listen = listen("--retry-on match:", text)?;
        let from = Origin::Flags;
        program.watches.insert(index, Watch { listen, verdict: Verdict::Note(index), from });
    }
    let mut builder = Builder { program, open: Open::Start, watch_before: false };
    dialogue.words.iter().try_for_each(|word| builder.take(word))?;
    Ok(builder.program)
}

/// What actions and modifiers belong to.
#[derive(Clone, Copy)]
enum Open {
    /// Nothing was opened yet.
    Start,
    /// The last step.
    Step,
    /// The last rule.
    Rule,
}

struct Builder {
    program: Program,
    open: Open,
    /// The word before was a watch, or a modifier of one.
    watch_before: bool,
}

impl Builder {
    fn take(&mut self, word: &Word) -> Result<(), ConfigError> {
        let watch_before = std::mem::replace(&mut self.watch_before, false);
        match word {
            Word::Expect(text) => {
                let listen = listen("--expect", text)?;
                let branch = Branch::on(listen);
                self.program.steps.push(Step { branches: vec![branch], ..Step::default() });
                self.open = Open::Step;
            }
            Word::On(text) => {
                let listen = listen("--on", text)?;
                self.program.rules.push(Rule::on(listen));
                self.open = Open::Rule;
            }
            Word::FailOn(text) => self.watch("--fail-on", text, Verdict::Fail(None))?,
            Word::Until(text) => self.watch("--until", text, Verdict::Pass)?,
            Word::Stream(stream) => {
                let id = match stream {
                    Stream::Stdout => StreamId::Stdout,
                    Stream::Stderr => StreamId::Stderr,
                };
                self.listen(watch_before, "--stream")?.stream = Some(id);
            }
            Word::View(view) => {
                let view = match view {
                    ViewFlag::Text => View::Text,
                    ViewFlag::Raw => View::Raw,
                    ViewFlag::Screen => View::Screen,
                };
                self.listen(watch_before, "--view")?.view = view;
            }
            Word::Within(limit) => {
                let limit = if limit.is_zero() { OFF } else { *limit };
                match (self.open, self.program.steps.last_mut()) {
                    (Open::Step, Some(step)) => {
                        if step.within.replace(limit).is_some() {
                            return Err(twice("--within", "--expect"));
                        }
                    }
                    _ => {
                        return Err(ConfigError::usage(
                            "--within is the limit of the --expect before it, and there is none; \
                             --expect-timeout is the limit of every step, --timeout of the run",
                        ));
                    }
                }
            }
            Word::Max(times) => match (self.open, self.program.rules.last_mut()) {
                (Open::Rule, Some(rule)) => {
                    if rule.max.replace(*times).is_some() {
                        return Err(twice("--max", "--on"));
                    }
                }
                _ => {
                    return Err(ConfigError::usage(
                        "--max says how often the --on before it may fire, and there is none; \
                         an --expect is done once",
                    ));
                }
            },
            Word::EchoOk => match self.actions().last_mut() {
                Some(Action::Secret { echo_ok, .. }) => *echo_ok = true,
                _ => {
                    return Err(ConfigError::usage(
                        "--echo-ok belongs directly after the --send-secret that it is about",
                    ));
                }
            },
            Word::Send(text) => {
                let bytes = match text.to_str() {
                    Some(text) => patterns::unescape("--send", text)?,
                    None => {
                        return Err(ConfigError::usage(
                            "--send takes UTF-8 text with C escapes; write other bytes as \\xHH",
                        ));
                    }
                };
                self.actions().push(Action::Send(Text::literal(bytes)));
            }
            Word::Line(text) => {
                let bytes = OsStr::as_encoded_bytes(text).to_vec();
                self.actions().push(Action::Line(Text::literal(bytes)));
            }
            Word::Key(name) => {
                let key = patterns::key(name)?;
                self.actions().push(Action::Key(key));
            }
            Word::SendSecret(name) => {
                self.actions().push(Action::Secret { name: name.clone(), echo_ok: false });
            }
            Word::Pace(pace) => self.actions().push(Action::Pace(*pace)),
            Word::Do(what) => {
                let action = self.act(what)?;
                self.actions().push(action);
            }
        }
        Ok(())
    }

    fn watch(&mut self, flag: &str, text: &str, verdict: Verdict) -> Result<(), ConfigError> {
        let listen = listen(flag, text)?;
        self.program.watches.push(Watch { listen, verdict, from: Origin::Flags });
        self.watch_before = true;
        Ok(())
    }

    fn act(&self, what: &Do) -> Result<Action, ConfigError> {
        Ok(match what {
            Do::Pass => Action::Pass,
            Do::Fail(why) => Action::Fail(why.as_deref().map(Text::from)),
            Do::Interrupt => Action::Interrupt,
            Do::Terminate => Action::Terminate,
            Do::Kill => Action::Kill,
            Do::Next if matches!(self.open, Open::Rule) => Action::Next,
            Do::Next => {
                return Err(ConfigError::usage(
                    "--do next takes the current step as done from within a rule: it goes after an \
                     --on; after its match a step goes on by itself",
                ));
            }
        })
    }

    fn actions(&mut self) -> &mut Vec<Action> {
        let program = &mut self.program;
        let branch = program.steps.last_mut().and_then(|step| step.branches.last_mut());
        match (self.open, branch, program.rules.last_mut()) {
            (Open::Step, Some(branch), _) => &mut branch.actions,
            (Open::Rule, _, Some(rule)) => &mut rule.actions,
            _ => &mut program.start,
        }
    }

    /// The pattern that a `--stream` or `--view` is about.
    fn listen(&mut self, watch_before: bool, flag: &str) -> Result<&mut Listen, ConfigError> {
        self.watch_before = watch_before;
        let program = &mut self.program;
        let branch = program.steps.last_mut().and_then(|step| step.branches.last_mut());
        let listen = match (watch_before, self.open) {
            (true, _) => program.watches.last_mut().map(|watch| &mut watch.listen),
            (false, Open::Step) => branch.map(|branch| &mut branch.listen),
            (false, Open::Rule) => program.rules.last_mut().map(|rule| &mut rule.listen),
            (false, Open::Start) => None,
        };
        listen.ok_or_else(|| {
            ConfigError::usage(format!(
                "{flag} belongs to the --expect, --on, --fail-on or --until before it, and there is none"
            ))
        })
    }
}

fn twice(flag: &str, opener: &str) -> ConfigError {
    ConfigError::usage(format!("{flag} is given twice for one {opener}"))
}

fn listen(flag: &str, text: &str) -> Result<Listen, ConfigError> {
    let pattern = patterns::pattern(flag, text)?;
    Ok(Listen::to(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ErrorKind;

    fn program(words: Vec<Word>) -> Result<Program, ConfigError> {
        compile(&cli::run::Dialogue { words, ..Default::default() }, &[], Program::default())
    }

    fn expect(text: &str) -> Word {
        Word::Expect(text.to_owned())
    }

    fn on(text: &str) -> Word {
        Word::On(text.to_owned())
    }

    fn line(text: &str) -> Word {
        Word::Line(text.into())
    }

    fn typed(text: &str) -> Action {
        Action::Line(text.into())
    }

    #[test]
    fn actions_belong_to_what_is_before_them() {
        let program = program(vec![
            line("start"),
            expect("a"),
            line("to a"),
            Word::Until("done".to_owned()),
            line("also to a"),
            Word::Within(Duration::from_secs(5)),
            on("b"),
            line("to b"),
            Word::Max(2),
            expect("c"),
            Word::SendSecret("pw".to_owned()),
            Word::EchoOk,
        ])
        .expect("it is sound");
        assert_eq!(program.start, [typed("start")]);
        assert_eq!(program.steps.len(), 2);
        assert_eq!(program.steps[0].branches[0].actions, [typed("to a"), typed("also to a")]);
        assert_eq!(program.steps[0].within, Some(Duration::from_secs(5)));
        assert_eq!(program.rules[0].actions, [typed("to b")]);
        assert_eq!(program.rules[0].max, Some(2));
        assert_eq!(
            program.steps[1].branches[0].actions,
            [Action::Secret { name: "pw".to_owned(), echo_ok: true }]
        );
        assert_eq!(program.watches[0].verdict, Verdict::Pass);
    }

    #[test]
    fn a_modifier_directly_after_a_watch_is_the_watchs() {
        let program = program(vec![
            expect("a"),
            Word::FailOn("b".to_owned()),
            Word::Stream(Stream::Stderr),
            Word::View(ViewFlag::Raw),
            line("x"),
            Word::View(ViewFlag::Screen),
        ])
        .expect("it is sound");
        let watch = &program.watches[0].listen;
        assert_eq!((watch.stream, watch.view), (Some(StreamId::Stderr), View::Raw));
        let step = &program.steps[0].branches[0].listen;
        assert_eq!((step.stream, step.view), (None, View::Screen));
    }

    #[test]
    fn zero_within_is_off() {
        let program = program(vec![expect("a"), Word::Within(Duration::ZERO)]).expect("sound");
        assert_eq!(program.steps[0].within, Some(OFF));
    }

    #[test]
    fn notes_come_first() {
        let dialogue =
            cli::run::Dialogue { words: vec![Word::Until("u".to_owned())], ..Default::default() };
        let program = compile(&dialogue, &["a", "b"], Program::default()).expect("it is sound");
        let verdicts: Vec<_> = program.watches.iter().map(|watch| watch.verdict.clone()).collect();
        assert_eq!(verdicts, [Verdict::Note(0), Verdict::Note(1), Verdict::Pass]);
    }

    #[test]
    fn modifiers_without_an_opener_name_the_flag_that_helps() {
        let second = Duration::from_secs(1);
        for (words, helps) in [
            (vec![Word::Within(second)], "--expect-timeout"),
            (vec![on("a"), Word::Within(second)], "--expect-timeout"),
            (vec![Word::Max(1)], "--on"),
            (vec![expect("a"), Word::Max(1)], "--on"),
            (vec![Word::Stream(Stream::Stdout)], "--expect"),
            (vec![line("x"), Word::View(ViewFlag::Raw)], "--expect"),
            (vec![Word::EchoOk], "--send-secret"),
            (vec![expect("a"), line("x"), Word::EchoOk], "--send-secret"),
            (vec![Word::Do(Do::Next)], "--on"),
            (vec![expect("a"), Word::Do(Do::Next)], "--on"),
            (vec![Word::Key("contrl-c".to_owned())], "ctrl-c"),
            (vec![Word::Send("\\q".into())], "--send"),
        ] {
            let error = program(words.clone()).expect_err("it is refused");
            assert_eq!(error.kind, ErrorKind::Usage, "{words:?}");
            assert!(error.message.contains(helps), "{words:?}: {}", error.message);
        }
        assert_eq!(program(vec![expect("")]).expect_err("empty").kind, ErrorKind::Pattern);
    }
}
