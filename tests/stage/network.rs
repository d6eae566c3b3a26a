//! Programs that talk to a server: ftp, telnet. The servers are ours, and small.

use super::{Port, has};

pub const PORTS: &[Port] = &[
    Port {
        name: "ftp",
        about: "fetches every file of a directory",
        args: &["--set", "dir=/pub", "--set", "user=alice", "127.0.0.1"],
        expect_args: Some(&["/pub", "alice", "127.0.0.1"]),
        env: &[("FTP_PASSWORD", "guest-4711")],
        prepare: |stage| {
            stage.write("archive/pub/one.txt", "one\n");
            stage.write("archive/pub/two.tar", &"two ".repeat(50_000));
            stage.write("archive/pub/three.md", "# three\n");
            stage.serve("ftpd.py", &["archive"]);
        },
        effect: |stage, _| {
            let compare = "for name in one.txt two.tar three.md; do cmp archive/pub/$name $name || exit 1; done";
            stage.ask(compare).map(drop)
        },
    },
    Port {
        name: "telnet",
        about: "logs in to a switch, reads through its pager, saves its configuration",
        args: &["127.0.0.1"],
        expect_args: None,
        env: &[("SWITCH_PASSWORD", "open-4711"), ("ENABLE_PASSWORD", "wide-4711")],
        prepare: |stage| stage.serve("switchd.py", &[]),
        effect: |stage, out| {
            has(out, "lab-sw1: version 12.4(7), configuration saved")?;
            has(&stage.read("startup-config"), "hostname lab-sw1")
        },
    },
];
