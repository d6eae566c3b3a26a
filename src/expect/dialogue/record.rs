//! What a dialogue did, for the report. The fields are those of `report::model`; every text is masked.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::expect::failure::Failure;

/// What a dialogue did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The steps that were reached, in order; a step that goes on with `again` is one entry.
    pub steps: Vec<StepRecord>,
    /// The rules and watches that fired, in the order of their definition, rules first.
    pub rules: Vec<RuleRecord>,
    /// Named captures.
    pub captures: BTreeMap<String, Capture>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Bytes that left the window before they could be matched, all streams together.
    pub window_dropped_bytes: u64,
    /// What watches noted (`--retry-on match:P`), each once, in order.
    pub notes: Vec<usize>,
    /// What had not come about although nothing failed on it: an `--until` that never appeared.
    pub missing: Vec<String>,
}

/// A capture's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// What the group matched last, or nothing where it took no part.
    Text(Option<String>),
    /// One entry a match.
    List(Vec<String>),
}

/// One step that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// Its name or number.
    pub step: String,
    /// What became of it.
    pub state: StepState,
    /// The pattern that matched.
    pub pattern: Option<String>,
    /// When it was decided, since the attempt began.
    pub at: Option<Duration>,
    /// How long it waited.
    pub waited: Option<Duration>,
    /// Where in the stream the match ended, in raw bytes.
    pub offset: Option<u64>,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It still waits, or waited when the run ended for another reason.
    Waiting,
    /// A branch matched, or a rule took it as done.
    Matched,
    /// It had nothing to wait for.
    Acted,
    /// It was not met, which failed the dialogue.
    Failed,
    /// It was not met and is optional.
    Skipped,
}

impl StepState {
    /// As the report spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            StepState::Waiting => "waiting",
            StepState::Matched => "matched",
            StepState::Acted => "acted",
            StepState::Failed => "failed",
            StepState::Skipped => "skipped",
        }
    }
}

/// A rule or watch that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRecord {
    /// Its pattern, as written.
    pub pattern: String,
    /// How often it fired.
    pub fired: u64,
}
