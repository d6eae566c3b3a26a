//! What keeping records costs: many runs at once, and long lists.

use rusqlite::Connection;

use crate::Scale;
use crate::group::{Contender, Figure, Group, Mark, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

const WHOLE: &str = "From start to end";

/// Our own argument for reading a database: the least that a list of its rows can cost.
pub const ROWS: &str = "--rows";
const READ: &str = "the same rows read, not shown";
const COLUMNS: &str = "SELECT runs.run, name, runs.outcome, pid, runs.started_ms, command FROM runs JOIN attempts USING (run)";

/// Reads what a list shows.
pub fn read(db: &str) -> rusqlite::Result<()> {
    let conn = Connection::open_with_flags(db, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = conn.prepare(COLUMNS)?;
    let (columns, mut rows, mut bytes) = (statement.column_count(), statement.query([])?, 0);
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            bytes += row.get_ref(column)?.as_bytes_or_null().ok().flatten().map_or(8, <[u8]>::len);
        }
    }
    std::hint::black_box(bytes);
    Ok(())
}

/// The groups of this file.
pub fn groups(tools: &Tools, peers: &Peers, scale: Scale) -> Vec<Group> {
    vec![
        concurrent(tools, scale),
        list(tools, peers, scale, 10_000),
        list(tools, peers, scale, 100_000),
    ]
}

fn group(
    name: &'static str,
    title: String,
    rounds: usize,
    contenders: Vec<Contender>,
    marks: Vec<Mark>,
) -> Group {
    let figures = vec![Figure { title: WHOLE.to_owned(), unit: Unit::Ms }];
    Group {
        name,
        title,
        figures,
        rounds,
        block: 1,
        contenders,
        prepare: None,
        marks,
        headline: None,
    }
}

const LOST: &str = "Lost";

fn concurrent(tools: &Tools, scale: Scale) -> Group {
    let db = tools.file("concurrent.db");
    let all = |name: &str, flags: &str| {
        let run = format!("{} run --db {db} {flags} -- true", tools.heeler);
        let script = format!("for i in $(seq 200); do {run} & done; wait");
        Contender { ours: true, ..Contender::new(name, ["sh", "-c", &script]) }
    };
    let (heeler, db, known) = (tools.heeler.clone(), db.clone(), std::cell::Cell::new(0));
    let lost = move || {
        let listed = std::process::Command::new(&heeler)
            .args(["list", "--all", "--json", "--db", &db])
            .output()
            .map_err(|error| error.to_string())?;
        let runs: serde_json::Value =
            serde_json::from_slice(&listed.stdout).map_err(|error| error.to_string())?;
        let runs = runs.as_array().map_or(0, Vec::len);
        Ok(200.0 - (runs - known.replace(runs)) as f64)
    };
    let tracked = Contender { count: Some(std::rc::Rc::new(lost)), ..all("heeler", "") };
    let mut group = group(
        "concurrent",
        "200 runs of true at once, on one database".to_owned(),
        scale.rounds(9),
        vec![tracked, all("heeler --track off", "--track off")],
        vec![
            Mark::times(WHOLE, "heeler", "heeler --track off", 2.0),
            Mark::itself(LOST, "heeler", 0.0),
        ],
    );
    group.figures.push(Figure { title: LOST.to_owned(), unit: Unit::Count });
    group
}

/// Made when it is measured first: not by those who only ask for the names of the groups.
fn list(tools: &Tools, peers: &Peers, scale: Scale, rows: u32) -> Group {
    let db = tools.file(&format!("{rows}.db"));
    let heeler = |name: &str, args: &[&str]| {
        let command = [&[tools.heeler.as_str(), "list", "--db", &db][..], args].concat();
        Contender { ours: true, ..Contender::new(name, command) }
    };
    let mut contenders = vec![
        heeler("heeler list", &[]),
        heeler("heeler list --all", &["--all"]),
        heeler("heeler list --all --json", &["--all", "--json"]),
    ];
    if let Ok(ourselves) = std::env::current_exe() {
        let command = [&ourselves.display().to_string(), ROWS, &db].map(str::to_owned);
        contenders.push(Contender::new(READ, command));
    }
    if let Some(path) = peers.path("sqlite3") {
        contenders
            .push(Contender::new("sqlite3, the same columns", [path, "-readonly", &db, COLUMNS]));
    }
    let mut group = group(
        if rows == 10_000 { "list-10k" } else { "list-100k" },
        format!("A list of {rows} runs that are over"),
        scale.rounds(9),
        contenders,
        ["heeler list", "heeler list --all", "heeler list --all --json"]
            .map(|of| Mark::times(WHOLE, of, READ, 3.0))
            .into(),
    );
    group.figures.push(Figure { title: "Peak memory".to_owned(), unit: Unit::PeakMib });
    let start = tools.heeler.clone();
    group.prepare = Some(std::rc::Rc::new(move || fill(&start, &db, rows)));
    group
}

/// A database in which `rows` runs have ended.
fn fill(heeler: &str, db: &str, rows: u32) -> Result<(), String> {
    let made = std::process::Command::new(heeler)
        .args(["run", "--track", "require", "--db", db, "--", "true"])
        .status()
        .map_err(|error| error.to_string())?;
    if !made.success() {
        return Err(format!("{db} could not be made"));
    }
    let sql = format!(
        "BEGIN;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO runs (run, tags, host, boot, pidns, uid, supervisor_pid, command, started_ms, ended_ms,
                           outcome, exit_code, report)
         SELECT lower(hex(randomblob(6))), tags, host, boot, pidns, uid, supervisor_pid, command,
                started_ms - i, ended_ms - i, outcome, exit_code, report
         FROM n, (SELECT * FROM runs LIMIT 1);
         INSERT OR IGNORE INTO attempts (run, n, pid, pgid, sid, started_ms, ended_ms, outcome, exit_code)
         SELECT run, 1, 4000000, 4000000, 1, started_ms, ended_ms, outcome, 0 FROM runs;
         COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE);"
    );
    let conn = Connection::open(db).map_err(|error| error.to_string())?;
    conn.execute_batch(&sql).map_err(|error| error.to_string())
}
