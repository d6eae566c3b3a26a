//! Accounts: users and their passwords, ssh and what goes over it. They play in a mount namespace with an
//! `/etc` of their own, in which there is a user alice; sshd serves one connection on its stdin.

use super::{Port, Stage, has};

pub const PORTS: &[Port] = &[
    Port {
        name: "passwd",
        about: "changes a user's password",
        args: &["alice"],
        expect_args: None,
        env: &[("NEW_PASSWORD", NEW)],
        prepare: own_etc,
        effect: |stage, _| logs_in(stage, NEW),
    },
    Port {
        name: "su",
        about: "runs a command as another user",
        args: &["alice", "id -un; pwd"],
        expect_args: None,
        env: &[("PASSWORD", OLD)],
        prepare: own_etc,
        effect: |_, out| has(out, "alice\r\n"),
    },
    Port {
        name: "adduser",
        about: "makes an account; adduser asks a dozen questions",
        args: &["bob", "Bob Builder"],
        expect_args: None,
        env: &[("NEW_PASSWORD", NEW)],
        prepare: own_etc,
        effect: |stage, _| {
            has(&stage.read("etc/passwd"), "bob:x:1000:1000:Bob Builder,,,:/home/bob:")?;
            has(&stage.sh("ls -A home/bob && stat -c %U home/bob"), "bob")
        },
    },
    Port {
        name: "ssh",
        about: "runs a command on a new host: host key, password, exit code",
        args: &["alice@server", "uname -s; echo kernel $(uname -r)"],
        expect_args: None,
        env: &[("SSH_PASSWORD", OLD)],
        prepare: sshd,
        effect: |stage, out| {
            has(&stage.read("known"), "server ssh-ed25519 ")?;
            has(out, "kernel ")
        },
    },
    Port {
        name: "ssh-copy-id",
        about: "installs a public key on a host",
        args: &["alice@server", "id.pub"],
        expect_args: None,
        env: &[("SSH_PASSWORD", OLD)],
        prepare: |stage| {
            sshd(stage);
            stage.sh("mkdir home/.ssh && ssh-keygen -q -t ed25519 -N '' -f id");
        },
        effect: |stage, _| {
            has(&stage.read("home/alice/.ssh/authorized_keys"), stage.read("id.pub").trim())?;
            let login = "ssh -o BatchMode=yes -i id alice@server echo welcome";
            has(&stage.ask(login)?, "welcome")
        },
    },
    Port {
        name: "sftp",
        about: "uploads a file, and makes sure that all of it arrived",
        args: &["alice@server", "release.tar", "incoming"],
        expect_args: None,
        env: &[("SSH_PASSWORD", OLD)],
        prepare: |stage| {
            sshd(stage);
            stage.write("release.tar", &"release 4711\n".repeat(20_000));
            stage.sh("mkdir home/alice/incoming && chown 54321 home/alice/incoming");
        },
        effect: |stage, _| {
            stage.ask("cmp release.tar home/alice/incoming/release.tar").map(drop)?;
            stage.ask("test ! -e home/alice/incoming/release.tar.part").map(drop)
        },
    },
    Port {
        name: "scp",
        about: "copies files to a host",
        args: &["a.conf", "b.conf", "alice@server:"],
        expect_args: None,
        env: &[("SSH_PASSWORD", OLD)],
        prepare: |stage| {
            sshd(stage);
            stage.write("a.conf", "a = 1\n");
            stage.write("b.conf", "b = 2\n");
        },
        effect: |stage, _| {
            stage.ask("cmp a.conf home/alice/a.conf && cmp b.conf home/alice/b.conf").map(drop)
        },
    },
    Port {
        name: "rsync",
        about: "mirrors a directory over ssh",
        args: &["site/", "alice@server:site"],
        expect_args: None,
        env: &[("SSH_PASSWORD", OLD)],
        prepare: |stage| {
            sshd(stage);
            stage.write("site/index.html", "<p>hello\n");
            stage.write("site/css/site.css", "p { margin: 0 }\n");
        },
        effect: |stage, _| stage.ask("diff -r site home/alice/site").map(drop),
    },
    Port {
        name: "passmass",
        about: "changes a password on many hosts, and lists those where it failed",
        args: &["alice", "one,down,two"],
        expect_args: None,
        env: &[("SSH_PASSWORD", OLD), ("NEW_PASSWORD", NEW)],
        prepare: sshd,
        effect: |stage, out| {
            has(out, "failed: down")?;
            logs_in(stage, NEW)
        },
    },
];

const OLD: &str = "old-Pass.1";
const NEW: &str = "Better.9x";

/// What `OLD` is in `/etc/shadow`.
const OLD_HASH: &str = "$6$heelersalt$CwqP5EN86hQlDIHTLOyo49Z0.SjKsn9Ntlt/N6tUfVlGfb4655f7tbn9loQCOfBEqAsFX1pdNdce30G75HWxG1";

/// The system's own tables, but for the users.
fn own_etc(stage: &mut Stage) {
    stage.write(
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nsshd:x:54320:65534::/run/sshd:/usr/sbin/nologin\n\
         nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\nalice:x:54321:54321:Alice:/home/alice:/bin/sh\n",
    );
    stage.write(
        "etc/shadow",
        &format!("root:*:20000:0:99999:7:::\nalice:{OLD_HASH}:20000:0:99999:7:::\n"),
    );
    stage.write(
        "etc/group",
        "root:x:0:\ntty:x:5:\nshadow:x:42:\nusers:x:100:\nnogroup:x:65534:\nalice:x:54321:\n",
    );
    stage
        .write("etc/gshadow", "root:*::\ntty:*::\nshadow:*::\nusers:*::\nnogroup:*::\nalice:!::\n");
    stage.write("etc/nsswitch.conf", "passwd: files\nshadow: files\ngroup: files\nhosts: files\n");
    stage.write("etc/pam.d/passwd", "password required pam_unix.so obscure sha512\n");
    let login = "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_permit.so\n";
    // su asks even root here.
    stage.write("etc/pam.d/su", login);
    stage.write("etc/pam.d/su-l", login);
    stage.write("etc/pam.d/chfn", &format!("auth sufficient pam_rootok.so\n{login}"));
    stage.write("etc/pam.d/other", "auth required pam_deny.so\naccount required pam_deny.so\n");
    stage.sh("for it in alternatives ld.so.cache login.defs adduser.conf skel shells ssl; do
             if [ -e /etc/$it ]; then cp -a /etc/$it etc/; fi
         done
         chmod 755 . home && mkdir home/alice && chown 54321:54321 home/alice");
    stage.own_etc = true;
}

/// Hosts that ssh, scp, sftp, ssh-copy-id and rsync can reach, all of them this machine; `down` they cannot.
fn sshd(stage: &mut Stage) {
    own_etc(stage);
    let dir = stage.dir().display().to_string();
    stage.sh("ssh-keygen -q -t ed25519 -N '' -f host_key; mkdir -p /run/sshd");
    stage.write(
        "sshd.conf",
        &format!(
            "HostKey {dir}/host_key\nPidFile none\nUsePAM no\nPasswordAuthentication yes\n\
             KbdInteractiveAuthentication no\nPrintMotd no\nSubsystem sftp internal-sftp\n"
        ),
    );
    stage.write(
        "ssh.conf",
        &format!(
            "Host down\n  ProxyCommand sh -c 'echo no route to host >&2; exit 1'\nHost *\n  \
             ProxyCommand /usr/sbin/sshd -i -f {dir}/sshd.conf -E {dir}/sshd.log\n  \
             UserKnownHostsFile {dir}/known\n  GlobalKnownHostsFile none\n  IdentityFile none\n  \
             IdentityAgent none\n"
        ),
    );
    for name in ["ssh", "scp", "sftp"] {
        stage.program(name, &format!("#!/bin/sh\nexec /usr/bin/{name} -F {dir}/ssh.conf \"$@\""));
    }
}

/// Whether alice's password is `password`: su takes it.
fn logs_in(stage: &Stage, password: &str) -> Result<(), String> {
    let user = stage.sh("awk -F: '$1 == \"alice\" { print $2 }' etc/shadow");
    let made = stage
        .sh(&format!("perl -e 'print crypt($ARGV[0], $ARGV[1])' '{password}' '{}'", user.trim()));
    (made == user.trim()).then_some(()).ok_or_else(|| format!("not the new password: {user}"))
}
