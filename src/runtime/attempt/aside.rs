//! What a dialogue does beside the command: commands of the script's own, questions to the person at our
//! terminal, and the terminal handed to that person.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use serde_json::json;

use super::Running;
use super::talk::News;
use crate::config::plan::Secret;
use crate::expect::dialogue::{Answer, Dialogue, Effect, ExecEnd};
use crate::expect::program::Question;
use crate::report::model::Mode;
use crate::report::output;
use crate::runtime::helper::{Helper, Wanted};
use crate::runtime::remote::Fact;
use crate::runtime::terminal::{Asked, Asking, Lent, RawMode};
use crate::sys::names::signal_name;
use crate::sys::{fdio, ids, tty};

impl Running<'_, '_> {
    /// Carries out what is not about the command itself.
    pub(super) fn aside(&mut self, effect: Effect) {
        match effect {
            Effect::Exec { argv, env, capture } => self.start_helper(&argv, env, capture),
            Effect::StopExec => self.stop_helper(),
            Effect::Ask { prompt, question, into } => self.ask(&prompt, question, into),
            Effect::StopAsk => self.end_asking(),
            Effect::Interact { key } => self.hand_over(&key),
            Effect::StopInteract => self.take_back(),
            Effect::Log(line) => {
                output::complain(&line);
                self.shared.event("log", || json!({ "text": line }));
            }
            Effect::Resize(columns, rows) => self.resize((columns, rows)),
            Effect::Signal(signal) => self.send_signal(signal),
            _ => {}
        }
    }

    /// A signal to every member, because somebody wanted it sent.
    pub(super) fn send_signal(&mut self, signal: i32) {
        let name = signal_name(signal);
        self.shared.event("signal", || json!({ "signal": name }));
        self.launched.tree.signal_once(signal);
    }

    fn start_helper(&mut self, argv: &[Vec<u8>], env: Vec<(String, Vec<u8>)>, capture: bool) {
        let cookie = (crate::core::record::COOKIE.into(), self.shared.cookie.clone().into());
        let env = env.into_iter().map(|(name, value)| (name.into(), OsString::from_vec(value)));
        let wanted = Wanted {
            argv,
            // With the run's cookie `reap` finds it should we be killed.
            env: env.chain([cookie]).collect(),
            capture,
            merge: false,
            mask: &self.shared.mask,
            inherited: self.shared.signals.inherited(),
        };
        match Helper::start(&wanted) {
            Ok(helper) => {
                self.launched.tree.set_apart(Some(helper.pid()));
                self.helper = Some(helper);
            }
            Err(why) => {
                let end = ExecEnd { why: Some(why), ..ExecEnd::default() };
                self.untold.push_back(News::NoExec(end));
            }
        }
    }

    /// It is not wanted any more, or has ended: nothing of it is left behind.
    pub(super) fn stop_helper(&mut self) {
        if let Some(helper) = self.helper.take() {
            self.launched.tree.end_apart();
            helper.end();
            self.launched.tree.set_apart(None);
        }
    }

    pub(super) fn look_at_helper(&mut self) {
        let Some(helper) = &mut self.helper else { return };
        if let Some(end) = helper.ended() {
            self.stop_helper();
            self.tell(|dialogue, now, out| dialogue.exec_done(now, end, out));
        } else {
            helper.read();
        }
    }

    fn ask(&mut self, prompt: &str, question: Question, into: String) {
        if question == Question::Secret {
            ids::keep_out_of_cores();
        }
        self.launched.lent.iter().for_each(Lent::take_back);
        let base = self.shared.raw.as_ref().map(RawMode::cooked);
        match Asking::begin(prompt, question, base) {
            Ok(asking) => {
                self.launched.input.hold_source(true);
                self.asking = Some((asking, into));
            }
            Err(why) => {
                self.lend_again();
                self.untold.push_back(News::NoAnswer(Answer::Nothing(why)));
            }
        }
    }

    pub(super) fn read_answer(&mut self) {
        let Some((asking, into)) = &mut self.asking else { return };
        let answer = match asking.read() {
            Asked::NotYet => return,
            Asked::Nothing => Answer::Nothing("nothing was entered".to_owned()),
            Asked::Answer(bytes) if asking.question() == Question::Secret => {
                if bytes.is_empty() {
                    Answer::Nothing("nothing was entered".to_owned())
                } else {
                    let name = std::mem::take(into);
                    self.mask(&bytes);
                    self.shared.asked.insert(name, Secret::of(bytes));
                    Answer::Kept
                }
            }
            Asked::Answer(bytes) => Answer::Text(bytes.to_vec()),
        };
        self.end_asking();
        self.answer(&answer);
    }

    /// There is one more secret from here on.
    pub(super) fn mask(&mut self, secret: &[u8]) {
        ids::keep_out_of_cores();
        let mask = self.shared.mask.with([secret]);
        self.shared.outlets.set_mask(&mask, self.channels.iter_mut());
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.set_mask(&mask);
        }
        self.shared.mask = mask;
    }

    pub(super) fn answer(&mut self, answer: &Answer) {
        self.tell(|dialogue, now, out| dialogue.answered(now, answer, out));
    }

    pub(super) fn end_asking(&mut self) {
        if self.asking.take().is_some() {
            self.launched.input.hold_source(false);
            self.lend_again();
        }
    }

    /// Hands our terminal to the person.
    fn hand_over(&mut self, key: &[u8]) {
        if let Err(why) = self.try_hand_over(key) {
            self.untold.push_back(News::NoInteract(why));
        }
    }

    fn try_hand_over(&mut self, key: &[u8]) -> Result<(), String> {
        if self.shared.plan.launch.mode != Mode::Pty {
            return Err("`interact` needs a command on a terminal of its own: use --pty".to_owned());
        }
        if self.shared.plan.output.quiet || !tty::is_terminal(fdio::standard(1)) {
            let why = "`interact` needs our stdout to be a terminal, and no --quiet";
            return Err(why.to_owned());
        }
        let none = |error: std::io::Error| format!("`interact` needs a terminal of ours: {error}");
        let terminal = tty::open_nonblocking("/dev/tty".as_ref()).map_err(none)?;
        if self.shared.raw.is_none() {
            self.person = Some(
                RawMode::on(fdio::duplicate(std::os::fd::AsFd::as_fd(&terminal)).map_err(none)?)
                    .ok_or("`interact` needs the foreground of our terminal")?,
            );
        }
        self.launched.input.lend(terminal, key);
        self.follow_size();
        Ok(())
    }

    pub(super) fn take_back(&mut self) {
        self.launched.input.take_back();
        self.person = None;
    }

    /// The person has typed the key that ends it, or their terminal is gone.
    pub(super) fn person_left(&mut self) {
        self.take_back();
        self.tell(|dialogue, now, out| dialogue.interact_over(now, None, out));
    }

    pub(super) fn resize(&mut self, size: (u16, u16)) {
        let Some(pty) = &self.launched.pty else { return };
        // Fails only when the terminal is gone, and then nobody misses it.
        let _ = tty::set_size(pty.fd(), size);
        self.shared.size = size;
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.resize(size.0, size.1);
        }
        if let Some(answers) = &mut self.answers {
            answers.resize(size);
        }
        let at = self.shared.clock.active();
        self.shared.outlets.resized(at, size);
        self.shared.note(Fact::Resized(size));
    }

    /// Ends everything beside the command: the attempt is over.
    pub(super) fn end_asides(&mut self) {
        self.stop_helper();
        self.end_asking();
        self.take_back();
    }

    /// The verdict is fixed: the dialogue's last steps before the command is stopped.
    pub(super) fn begin_cleanup(&mut self) {
        if self.dialogue.is_some() {
            self.tell(Dialogue::begin_cleanup);
        } else {
            self.event(crate::core::supervisor::Event::CleanedUp);
        }
    }

    /// The ladder begins.
    pub(super) fn end_cleanup(&mut self) {
        if self.dialogue.as_ref().is_some_and(Dialogue::in_cleanup) {
            self.tell(|dialogue, _, out| dialogue.end_cleanup(out));
        }
    }
}
