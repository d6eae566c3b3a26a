//! Programs that ask, compute or draw: installers, menus, interpreters, games, servers.

use super::{Port, Stage, examples, has};

pub const PORTS: &[Port] = &[
    Port {
        name: "installer",
        about: "answers a vendor's installer, whatever it asks",
        args: &["./installer.sh", "toy", "9090"],
        expect_args: None,
        env: &[],
        prepare: |stage| ours(stage, "installer.sh"),
        effect: |stage, _| has(&stage.read("toy/toy.conf"), "port=9090 usage="),
    },
    Port {
        name: "menuconfig",
        about: "marks entries in full-screen menus",
        args: &["./menuconfig.sh", "kernel.conf", "-lab"],
        expect_args: None,
        env: &[],
        prepare: |stage| ours(stage, "menuconfig.sh"),
        effect: |stage, _| {
            let wanted = "parts: \"net\" \"sound\" \"ext4\"\nversion: -lab\n";
            has(&stage.read("kernel.conf"), wanted)
        },
    },
    Port {
        name: "rogue",
        about: "starts a game anew until the hero is strong",
        args: &["./rogue.py", "13"],
        expect_args: None,
        env: &[],
        prepare: |stage| ours(stage, "rogue.py"),
        effect: |stage, out| {
            has(out, "a hero")?;
            has(out, "farewell")?;
            has(&stage.read("heroes"), "7")
        },
    },
    Port {
        name: "gdb",
        about: "runs a program until it crashes, notes the frames",
        args: &["./crash"],
        expect_args: None,
        env: &[],
        prepare: |stage| {
            stage.write(
                "crash.c",
                "#include <stdlib.h>\nint half(int n) { if (n == 3) abort(); return n / 2; }\n\
                 int main(void) { return half(3); }\n",
            );
            stage.sh("cc -g -O0 -o crash crash.c");
        },
        effect: |_, out| {
            has(out, "SIGABRT")?;
            has(out, "half (n=3) at crash.c:2")
        },
    },
    Port {
        name: "bc",
        about: "computes one sum after the other",
        args: &["2^100,1/8,7*6"],
        expect_args: None,
        env: &[],
        prepare: |_| {},
        effect: |_, out| {
            has(out, "1267650600228229401496703205376")?;
            has(out, ".12500000000000000000")?;
            has(out, "42")
        },
    },
    Port {
        name: "sqlite",
        about: "moves rows in a transaction, counts, commits",
        args: &["shop.db", "orders", "archive"],
        expect_args: None,
        env: &[],
        prepare: |stage| {
            stage.sh("sqlite3 shop.db 'create table orders(id integer primary key, what);
                create table archive(id integer primary key, what);
                insert into orders(what) values (1), (2), (3);'");
        },
        effect: |stage, _| {
            let count =
                "select (select count(*) from orders) || ' and ' || (select count(*) from archive)";
            has(&stage.ask(&format!("sqlite3 shop.db \"{count}\""))?, "0 and 3")
        },
    },
    Port {
        name: "python",
        about: "drives an interpreter: a block, an exception, Ctrl-C",
        args: &["7"],
        expect_args: None,
        env: &[],
        prepare: |_| {},
        effect: |_, out| has(out, "7 has no half: list index out of range"),
    },
    Port {
        name: "server",
        about: "starts a server, tests it when it is ready, stops it",
        args: &["site"],
        expect_args: None,
        env: &[],
        prepare: |stage| stage.write("site/index.html", "<h1>hello</h1>\n"),
        effect: |_, out| has(out, " serves a page"),
    },
];

/// One of the programs beside the ports.
fn ours(stage: &mut Stage, name: &str) {
    let from = examples().join("programs").join(name);
    stage.sh(&format!("cp '{}' .", from.display()));
}
