//! A group: contenders that do the same job, run in turn, round after round.

use crate::figures::{Spread, spread};
use crate::tools::{Sample, Sink, Tools};

/// What a sample becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Milliseconds beyond the first contender, which is the bare thing.
    AddedMs,
    /// Milliseconds of CPU time, those of the command included.
    CpuMs,
    /// Milliseconds beyond so many that were asked for.
    LateMs(f64),
    /// MiB a second, of so many bytes.
    MibPerSecond(u64),
    /// The largest resident set, in MiB.
    PeakMib,
    /// Microseconds, the given share of the distribution that the run left in a file.
    MicrosAt(f64),
    /// Milliseconds from the start to the end.
    Ms,
    /// Something that was counted.
    Count,
    /// MiB of a file.
    Mib,
}

impl Unit {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Unit::AddedMs => "ms added",
            Unit::CpuMs | Unit::Ms => "ms",
            Unit::LateMs(_) => "ms late",
            Unit::MibPerSecond(_) => "MiB/s",
            Unit::PeakMib | Unit::Mib => "MiB",
            Unit::MicrosAt(_) => "µs",
            Unit::Count => "in all",
        }
    }

    /// Whether more is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Unit::MibPerSecond(_))
    }
}

/// What is got out of a group's samples.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name in tables.
    pub title: String,
    /// How a sample becomes a number.
    pub unit: Unit,
}

/// How a contender is run.
#[derive(Clone, Debug)]
pub enum How {
    /// As a process, measured from outside.
    Process {
        /// What its stdout is.
        sink: Sink,
        /// Bytes and kind of what it is fed.
        feed: Option<(u64, &'static str)>,
    },
    /// Under `strace -c`: the number of system calls of that one process, divided by this.
    Calls(f64),
    /// Step by step: the thousands of instructions that it executes in user mode.
    Instructions,
    /// Stays in the background: the context switches of whoever holds the command, over two seconds.
    Switches,
    /// Ended by TERM once its tree is there: how long that takes, and how many are left.
    Ending,
    /// The size of the program, without symbols.
    Size,
}

/// What is claimed, and fails the suite when it is not so.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The figure's title.
    pub figure: &'static str,
    /// Of whom.
    pub of: &'static str,
    /// Compared with whom, round by round.
    pub than: Than,
    /// At most so much, or at least where more is better.
    pub limit: f64,
}

/// What a [`Mark`] is about.
#[derive(Clone, Copy, Debug)]
pub enum Than {
    /// The figure itself.
    Itself,
    /// How many times that of another.
    Times(&'static str),
    /// How much beyond that of another.
    Beyond(&'static str),
}

impl Mark {
    /// On the figure itself.
    pub fn itself(figure: &'static str, of: &'static str, limit: f64) -> Mark {
        Mark { figure, of, than: Than::Itself, limit }
    }

    /// On a ratio.
    pub fn times(figure: &'static str, of: &'static str, other: &'static str, limit: f64) -> Mark {
        Mark { figure, of, than: Than::Times(other), limit }
    }

    /// On a difference.
    pub fn beyond(figure: &'static str, of: &'static str, other: &'static str, limit: f64) -> Mark {
        Mark { figure, of, than: Than::Beyond(other), limit }
    }
}

/// What came of a [`Mark`].
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Which.
    pub mark: Mark,
    /// What was measured.
    pub got: Spread,
    /// In what.
    pub unit: &'static str,
    /// Whether more is better.
    pub more: bool,
    /// Whether the median keeps to it.
    pub met: bool,
    /// Whether even the better quarter of the rounds misses it: noise does not explain that.
    pub missed: bool,
}

/// One that does the job.
#[derive(Clone)]
pub struct Contender {
    /// Its name in tables.
    pub name: String,
    /// Its command line.
    pub command: Vec<String>,
    /// How it is run.
    pub how: How,
    /// What it has to exit with.
    pub exit_code: i32,
    /// Whether it is heeler, and so is compared with each of the others.
    pub ours: bool,
    /// What is counted after it has run.
    pub count: Option<Counter>,
}

/// Counts something that a run has left.
pub type Counter = std::rc::Rc<dyn Fn() -> Result<f64, String>>;

impl Contender {
    /// A peer or limit that is run as a process with its output dropped.
    pub fn new(name: &str, command: impl IntoIterator<Item = impl Into<String>>) -> Contender {
        Contender {
            name: name.to_owned(),
            command: command.into_iter().map(Into::into).collect(),
            how: How::Process { sink: Sink::Null, feed: None },
            exit_code: 0,
            ours: false,
            count: None,
        }
    }

    /// heeler with these arguments after `run`.
    pub fn heeler(tools: &Tools, name: &str, args: &[&str]) -> Contender {
        let command = [tools.heeler.as_str(), "run"].into_iter().chain(args.iter().copied());
        Contender { ours: true, ..Contender::new(name, command) }
    }

    /// With this as its stdout.
    pub fn into(mut self, to: Sink) -> Contender {
        if let How::Process { sink, .. } = &mut self.how {
            *sink = to;
        }
        self
    }

    /// With so many bytes on its stdin.
    pub fn fed(mut self, bytes: u64, kind: &'static str) -> Contender {
        if let How::Process { feed, .. } = &mut self.how {
            *feed = Some((bytes, kind));
        }
        self
    }

    /// Exits with `code`.
    pub fn exits(self, code: i32) -> Contender {
        Contender { exit_code: code, ..self }
    }
}

/// What has to be done before a group is run.
pub type Prepare = std::rc::Rc<dyn Fn() -> Result<(), String>>;

/// A job and who does it.
#[derive(Clone)]
pub struct Group {
    /// What it is called on our command line.
    pub name: &'static str,
    /// What it is called in tables.
    pub title: String,
    /// The figures to take from each sample.
    pub figures: Vec<Figure>,
    /// How often each contender is run.
    pub rounds: usize,
    /// So many rounds give one value, their median: for what is short, and so mostly noise.
    pub block: usize,
    /// In the order of the first round.
    pub contenders: Vec<Contender>,
    /// What has to be done once before.
    pub prepare: Option<Prepare>,
    /// What is claimed of it.
    pub marks: Vec<Mark>,
    /// The figures whose heeler rows go into the README, with who they are compared with there.
    pub headline: Option<(&'static str, Vec<&'static str>)>,
}

/// What was measured of one contender.
#[derive(Clone, Debug)]
pub struct Column {
    /// Who.
    pub name: String,
    /// Whether it is heeler.
    pub ours: bool,
    /// One figure a round, or a block of rounds.
    pub values: Vec<f64>,
}

impl Column {
    /// Median, smallest and largest.
    pub fn spread(&self) -> Spread {
        spread(&self.values)
    }

    /// The ratio to `other`, round by round.
    pub fn ratio(&self, other: &Column) -> Spread {
        spread(&self.ratios(other))
    }

    fn ratios(&self, other: &Column) -> Vec<f64> {
        self.values.iter().zip(&other.values).map(|(ours, theirs)| ours / theirs).collect()
    }
}

/// A figure of all contenders of a group.
#[derive(Clone, Debug)]
pub struct Table {
    /// Which.
    pub figure: Figure,
    /// By contender.
    pub columns: Vec<Column>,
}

/// A group that has been run.
#[derive(Clone)]
pub struct Outcome {
    /// What was run.
    pub group: Group,
    /// What came of it.
    pub tables: Vec<Table>,
}

impl Outcome {
    /// What came of the marks whose contenders were there.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.group.marks.iter().filter_map(|mark| self.verdict(mark)).collect()
    }

    fn verdict(&self, mark: &Mark) -> Option<Verdict> {
        let table = self.tables.iter().find(|table| table.figure.title == mark.figure)?;
        let column = |name: &str| table.columns.iter().find(|column| column.name == name);
        let ours = column(mark.of)?;
        let values = match mark.than {
            Than::Itself => ours.values.clone(),
            Than::Times(other) => ours.ratios(column(other)?),
            Than::Beyond(other) => {
                let pairs = ours.values.iter().zip(&column(other)?.values);
                pairs.map(|(ours, theirs)| ours - theirs).collect()
            }
        };
        let more = table.figure.unit.more_is_better();
        let keeps = |value: f64| if more { value >= mark.limit } else { value <= mark.limit };
        let got = spread(&values);
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        let quarter = sorted.len() / 4;
        let better = if more { sorted[sorted.len() - 1 - quarter] } else { sorted[quarter] };
        let (met, missed) = (keeps(got.median), !keeps(better));
        Some(Verdict { mark: mark.clone(), got, unit: table.figure.unit.name(), more, met, missed })
    }
}

struct Taken {
    sample: Sample,
    /// What the run left in its file, or what was counted.
    noted: Vec<f64>,
}

impl Group {
    /// Runs all rounds. Each begins with another contender and every other one goes backwards, so that nobody
    /// always has the same predecessor.
    pub fn run(self, tools: &Tools) -> Result<Outcome, String> {
        if let Some(prepare) = &self.prepare {
            prepare()?;
        }
        let count = self.contenders.len();
        let mut taken: Vec<Vec<Taken>> = self.contenders.iter().map(|_| Vec::new()).collect();
        // One round ahead that does not count: caches are filled, the database is made. Where there is but
        // one, it is not about time.
        for round in usize::from(self.rounds == 1)..=self.rounds {
            for turn in 0..count {
                let turn = if round % 2 == 0 { turn } else { count - 1 - turn };
                let index = (turn + round) % count;
                let one = take(tools, &self.contenders[index])?;
                if round > 0 {
                    taken[index].push(one);
                }
            }
        }
        let tables = self.figures.iter().map(|figure| self.table(figure, &taken)).collect();
        Ok(Outcome { group: self, tables })
    }

    fn table(&self, figure: &Figure, taken: &[Vec<Taken>]) -> Table {
        let value = |index: usize, round: usize| {
            let one = &taken[index][round];
            let ms = one.sample.wall_ns as f64 / 1e6;
            match figure.unit {
                Unit::AddedMs => ms - taken[0][round].sample.wall_ns as f64 / 1e6,
                Unit::CpuMs => (one.sample.user_us + one.sample.system_us) as f64 / 1e3,
                Unit::LateMs(limit) => ms - limit,
                Unit::MibPerSecond(bytes) => bytes as f64 / f64::from(1 << 20) / (ms / 1e3),
                Unit::PeakMib => one.sample.rss_kib as f64 / 1024.0,
                Unit::MicrosAt(share) => {
                    let at = (one.noted.len() as f64 * share) as usize;
                    one.noted.get(at).map_or(f64::NAN, |ns| ns / 1e3)
                }
                Unit::Ms => ms,
                Unit::Count | Unit::Mib => one.noted.first().copied().unwrap_or(f64::NAN),
            }
        };
        let first = usize::from(figure.unit == Unit::AddedMs);
        let columns = (first..self.contenders.len())
            .map(|index| {
                let values: Vec<f64> = (0..self.rounds).map(|round| value(index, round)).collect();
                let values = values.chunks(self.block).map(|block| spread(block).median).collect();
                let Contender { name, ours, .. } = self.contenders[index].clone();
                Column { name, ours, values }
            })
            .collect();
        Table { figure: figure.clone(), columns }
    }
}

fn take(tools: &Tools, contender: &Contender) -> Result<Taken, String> {
    match &contender.how {
        How::Process { sink, feed } => {
            let left = tools.scratch.join("notes");
            let _ = std::fs::remove_file(&left);
            let sample =
                tools.measure(&contender.command, *sink, feed.as_ref(), contender.exit_code)?;
            let text = std::fs::read_to_string(&left).unwrap_or_default();
            let mut noted: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
            noted.sort_by(f64::total_cmp);
            if let Some(count) = &contender.count {
                noted = vec![count()?];
            }
            Ok(Taken { sample, noted })
        }
        How::Switches => {
            let count = crate::control::switches(tools, &contender.command)?;
            Ok(Taken { sample: Sample::default(), noted: vec![count as f64] })
        }
        How::Ending => {
            let (wall_ns, left) = crate::ending::end(tools, contender)?;
            Ok(Taken { sample: Sample { wall_ns, ..Sample::default() }, noted: vec![left as f64] })
        }
        How::Calls(per) => {
            let calls = crate::counts::calls(tools, &contender.command)?;
            Ok(Taken { sample: Sample::default(), noted: vec![calls as f64 / per] })
        }
        How::Instructions => {
            let count = crate::counts::instructions(tools, &contender.command)?;
            Ok(Taken { sample: Sample::default(), noted: vec![count as f64] })
        }
        How::Size => {
            let path = &contender.command[0];
            let size = std::fs::metadata(path).map_err(|e| format!("{path}: {e}"))?.len();
            let mib = size as f64 / f64::from(1 << 20);
            Ok(Taken { sample: Sample::default(), noted: vec![mib] })
        }
    }
}
