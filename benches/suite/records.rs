//! What keeping records costs: many runs at once, and long lists.

use rusqlite::Connection;

use crate::Scale;
use crate::group::{Contender, Figure, Group, Mark, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

const WHOLE: &str = "From start to end";

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

fn concurrent(tools: &Tools, scale: Scale) -> Group {
    let all = |name: &str, flags: &str| {
        let script =
            format!("for i in $(seq 200); do {} run {flags} -- true & done; wait", tools.heeler);
        Contender { ours: true, ..Contender::new(name, ["sh", "-c", &script]) }
    };
    group(
        "concurrent",
        "200 runs of true at once, on one database".to_owned(),
        scale.rounds(9),
        vec![all("heeler", ""), all("heeler --track off", "--track off")],
        vec![Mark { figure: WHOLE, of: "heeler", to: Some("heeler --track off"), limit: 2.0 }],
    )
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
    if let Some(path) = peers.path("sqlite3") {
        let query = "SELECT runs.run, name, runs.outcome, pid, runs.started_ms, command FROM runs JOIN attempts USING (run)";
        contenders
            .push(Contender::new("sqlite3, the same columns", [path, "-readonly", &db, query]));
    }
    let limit = if rows == 10_000 { 8.4 } else { 63.0 };
    let mut group = group(
        if rows == 10_000 { "list-10k" } else { "list-100k" },
        format!("A list of {rows} runs that are over"),
        scale.rounds(9),
        contenders,
        vec![Mark { figure: WHOLE, of: "heeler list", to: None, limit }],
    );
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
