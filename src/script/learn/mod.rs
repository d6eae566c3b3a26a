//! A script from a session of a person with a command. Pure.
//!
//! | in the session | in the script |
//! | --- | --- |
//! | the unterminated text before an input | what the step waits for; see [`prompt`] |
//! | a whole line before an input that has no prompt | what the step waits for |
//! | a line that the terminal showed | `line` |
//! | a line that it did not show | `secret`; its value gets neither here nor into the recording |
//! | keys that are no text | `key`, by their names; the end of file as `eof` |
//! | text without Enter | `send` |
//! | a key that the command had drawn nothing new for | `@idle`, where it came later than what was before it |
//! | what a line editor drew for a key | `@idle`: it may be another line next time |
//! | the exit | `wait_exit` with the exit code |
//!
//! Where the command reads every key itself, a line counts as shown when it is found in what the command
//! wrote after it, or stood before the cursor around Enter; stars are not. Text that was not shown and had no Enter is left out, and the script says
//! so: it may be a part of a password.

mod entry;
mod prompt;
mod write;

use std::time::Duration;

use zeroize::Zeroizing;

use self::entry::{End, Entry, contains, entries};
use self::prompt::Wait;
use crate::expect::keys;
use crate::expect::mask::{Mask, Masker};
use crate::expect::offline::REST;
use crate::expect::program::Key;
use crate::expect::tape::{Fact, Heard, Session, Tape, Typing, What};
use crate::expect::view::plain;

/// What the script says of itself.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The command and its arguments.
    pub argv: &'a [String],
    /// What the script will be called.
    pub script: &'a str,
    /// What the recording will be called, where one is kept.
    pub cast: Option<&'a str>,
    /// The name of this machine.
    pub host: &'a str,
    /// Every prompt is waited for as a whole line: for a session whose script went wrong otherwise.
    pub exact: bool,
}

/// What was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The script.
    pub script: String,
    /// The recording, secrets masked.
    pub tape: Tape,
    /// The command line, for people.
    pub command: String,
    /// How many steps it has, the exit among them.
    pub steps: usize,
    /// The names of its secrets.
    pub secrets: Vec<String>,
    /// What a person should look at.
    pub notes: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    wait: Option<Wait>,
    act: Act,
    /// How long it waited for the command.
    waited: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Line(String),
    Send(Vec<u8>),
    Key(String),
    /// Which secret.
    Secret(usize),
    /// Typed unseen, without Enter: left out.
    Unseen,
}

/// A secret is masked where it has at least this many bytes: a letter is in every word.
const SHORTEST: usize = 3;

/// Makes a script and a recording of `session`.
pub fn learn(session: &Session, about: &About<'_>) -> Learned {
    let (entries, rest) = entries(session);
    let mut secrets: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    let acts: Vec<Act> = (0..entries.len())
        .map(|index| {
            let after = entries.get(index + 1).map_or(&rest, |next| &next.before);
            act(&entries[index], after, &mut secrets)
        })
        .collect();
    let long = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
    let mask = Mask::new(long.map(|secret| secret.as_slice()));
    let mut steps: Vec<Step> = Vec::new();
    for (index, (entry, act)) in entries.iter().zip(&acts).enumerate() {
        let before = index.checked_sub(1).map(|before| &entries[before]);
        steps.push(Step {
            wait: if is_redraw(entry, before) {
                Some(prompt::rest())
            } else {
                wait(entry, before, &mask, about)
                    .or_else(|| is_later(entry, session).then(prompt::rest))
            },
            act: match act {
                Act::Line(text) => Act::Line(mask.text(text.as_bytes())),
                Act::Send(bytes) => Act::Send(mask.bytes(bytes)),
                other => other.clone(),
            },
            waited: entry.prompted.saturating_sub(entry.since),
        });
    }
    let tape = tape(session, &entries, &acts, &mask);
    let mut notes = Vec::new();
    if session.cut {
        notes
            .push("there was more output than is kept; the end of the recording is missing".into());
    }
    if acts.contains(&Act::Unseen) {
        notes.push("something was typed unseen without Enter; the script leaves it out".into());
    }
    let last = entries.last().map_or(Duration::ZERO, |entry| {
        let end = session.moments.last().map_or(Duration::ZERO, |moment| moment.at);
        end.saturating_sub(session.moments.get(entry.moment).map_or(end, |moment| moment.at))
    });
    let names: Vec<String> = (1..=secrets.len()).map(|n| format!("secret{n}")).collect();
    let script = write::script(&steps, &write::Frame { session, about, mask: &mask, last });
    let command = mask.text(about.argv.join(" ").as_bytes());
    Learned { script, tape, command, steps: steps.len() + 1, secrets: names, notes }
}

/// What an entry was.
fn act(entry: &Entry, after: &[u8], secrets: &mut Vec<Zeroizing<Vec<u8>>>) -> Act {
    let shown = match entry.typing {
        Typing::Shown | Typing::Piped => true,
        Typing::Hidden => entry.typed.is_empty(),
        Typing::Keys => {
            let after = plain::text(&[entry.during.as_slice(), after].concat());
            entry.typed.is_empty() || entry.seen || contains(first_line(&after), &entry.typed)
        }
    };
    match &entry.end {
        End::Key(key) => match key.as_slice() {
            // The end-of-file character, where the terminal itself reads lines.
            [4] if entry.typing != Typing::Keys => Act::Key("eof".to_owned()),
            key => named(key).map_or_else(|| Act::Send(key.to_vec()), Act::Key),
        },
        // What is not UTF-8 cannot stand in a `line`.
        End::Enter if shown => match String::from_utf8(entry.typed.to_vec()) {
            Ok(line) => Act::Line(line),
            Err(error) => Act::Send([error.as_bytes(), b"\r"].concat()),
        },
        End::Enter => {
            let known = secrets.iter().position(|secret| **secret == *entry.typed);
            Act::Secret(known.unwrap_or_else(|| {
                secrets.push(entry.typed.clone());
                secrets.len() - 1
            }))
        }
        End::Nothing if shown || entry.typing == Typing::Keys && entry.typed.len() == 1 => {
            Act::Send(entry.typed.to_vec())
        }
        End::Nothing => Act::Unseen,
    }
}

/// The name of a key; arrows have two spellings, and one name.
fn named(key: &[u8]) -> Option<String> {
    let cursor = match key {
        [0x1b, b'[' | b'O', letter] => keys::name(&Key::Cursor(*letter)),
        _ => None,
    };
    cursor.or_else(|| keys::name(&Key::Bytes(key.to_vec())))
}

fn first_line(text: &[u8]) -> &[u8] {
    // The echo may begin with the end of the line before it.
    let text = text.trim_ascii_start();
    text.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Whether all that came before `entry` is what a line editor drew for the key before it, in the line where it was. An
/// answer that took its time is none.
fn is_redraw(entry: &Entry, before: Option<&Entry>) -> bool {
    let by_key =
        |before: &Entry| before.typing == Typing::Keys && matches!(before.end, End::Key(_));
    before.is_some_and(by_key)
        && entry.row.is_none()
        && !entry.before.is_empty()
        && !entry.before.contains(&b'\n')
        && entry.prompted.saturating_sub(entry.since) <= REST
}

/// Whether `entry` is a key that was typed later than what is before it, or that throws away what is typed before it:
/// typed at once it would do something else.
fn is_later(entry: &Entry, session: &Session) -> bool {
    let End::Key(key) = &entry.end else { return false };
    let at = session.moments.get(entry.moment).map_or(entry.since, |moment| moment.at);
    match key.as_slice() {
        // Interrupt, quit and suspend, where the terminal has not given them up.
        [3 | 0x1c | 0x1a] => true,
        // It waits for its turn, as a line does.
        [4] if entry.typing != Typing::Keys => false,
        _ => at.saturating_sub(entry.since) >= REST,
    }
}

/// What the step waits for.
fn wait(entry: &Entry, before: Option<&Entry>, mask: &Mask, about: &About<'_>) -> Option<Wait> {
    if let Some(row) = &entry.row {
        return prompt::row(&mask.text(row.as_bytes()), about.host);
    }
    let text = plain::text(&mask.bytes(&since(entry, before)));
    let text = String::from_utf8_lossy(&text).replace('\r', "\n");
    let (above, line) = text.rsplit_once('\n').unwrap_or(("", &text));
    prompt::wait(line, above, about.host, about.exact).or_else(|| {
        // No prompt: the last line tells that the command is as far.
        let last = above.lines().rev().find(|line| !line.trim().is_empty())?;
        let above = &above[..above.rfind(last).unwrap_or(0)];
        prompt::wait(last, above, about.host, about.exact)
    })
}

/// The output since the entry before, without the echo of that one.
fn since(entry: &Entry, before: Option<&Entry>) -> Vec<u8> {
    let Some(before) = before else { return entry.before.clone() };
    let all = [before.during.as_slice(), &entry.before].concat();
    if before.typed.is_empty() && before.end != End::Enter {
        return all;
    }
    let line = all.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
    if let (Some(end), End::Enter) = (line, &before.end) {
        return all[end..].to_vec();
    }
    let at = memchr::memmem::find(&all, &before.typed).filter(|_| !before.typed.is_empty());
    at.map_or_else(|| all.clone(), |at| all[at + before.typed.len()..].to_vec())
}

/// The recording: output masked, and of the input what the script has.
fn tape(session: &Session, entries: &[Entry], acts: &[Act], mask: &Mask) -> Tape {
    let mut facts: Vec<Fact> = Vec::new();
    let mut masker = Masker::new(mask.clone());
    let mut next = 0;
    for (index, moment) in session.moments.iter().enumerate() {
        let mut push = |what| facts.push(Fact { at: moment.at, what });
        match &moment.what {
            Heard::Output(bytes) => {
                let mut shown = Vec::new();
                masker.mask(bytes, &mut shown);
                if !shown.is_empty() {
                    push(What::Output(shown));
                }
            }
            Heard::Resize(columns, rows) => push(What::Resize(*columns, *rows)),
            Heard::Input(..) => {}
        }
        while entries.get(next).is_some_and(|entry| entry.moment <= index) {
            if let Some(typed) = typed(&entries[next], &acts[next]) {
                push(What::Input(mask.bytes(&typed)));
            }
            next += 1;
        }
    }
    let end = session.moments.last().map_or(Duration::ZERO, |moment| moment.at);
    let mut shown = Vec::new();
    masker.finish(&mut shown);
    if !shown.is_empty() {
        facts.push(Fact { at: end, what: What::Output(shown) });
    }
    if let Some(code) = session.exit {
        facts.push(Fact { at: end, what: What::Exit(code) });
    }
    Tape { size: session.size, terminal: true, facts }
}

/// What of an entry may be told.
fn typed(entry: &Entry, act: &Act) -> Option<Vec<u8>> {
    Some(match (act, &entry.end) {
        (Act::Unseen, _) => return None,
        (Act::Secret(_), _) => b"\r".to_vec(),
        (_, End::Key(key)) => key.clone(),
        (_, End::Enter) => [entry.typed.as_slice(), b"\r"].concat(),
        (_, End::Nothing) => entry.typed.to_vec(),
    })
}

#[cfg(test)]
mod tests;
