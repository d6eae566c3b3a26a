//! Programs that work on files: disks, keys, certificates, repositories, editors.

use super::{Port, has};

pub const PORTS: &[Port] = &[
    Port {
        name: "fsck",
        about: "repairs a damaged file system, question by question",
        args: &["disk.img"],
        expect_args: None,
        env: &[],
        prepare: |stage| {
            stage.sh(
                "mke2fs -q -F -t ext2 disk.img 2M && seq 20000 >file &&
                 for command in 'write file kept' 'unlink kept' 'set_super_value free_blocks_count 7'; do
                     debugfs -w -R \"$command\" disk.img
                 done",
            );
        },
        effect: |stage, _| {
            stage.ask("fsck.ext2 -f -n disk.img")?;
            has(&stage.sh("debugfs -R 'ls /lost+found' disk.img"), "#12")
        },
    },
    Port {
        name: "fdisk",
        about: "makes partitions on an empty disk",
        args: &["disk.img", "16M,32M"],
        expect_args: None,
        env: &[],
        prepare: |stage| drop(stage.sh("truncate -s 64M disk.img")),
        effect: |stage, _| {
            let table = stage.ask("sfdisk --dump disk.img")?;
            has(&table, "size=       32768")?;
            has(&table, "size=       65536")
        },
    },
    Port {
        name: "ssh-keygen",
        about: "gives a key another passphrase",
        args: &["key"],
        expect_args: None,
        env: &[("OLD_PASSPHRASE", "open sesame"), ("NEW_PASSPHRASE", "abra cadabra")],
        prepare: |stage| drop(stage.sh("ssh-keygen -q -t ed25519 -N 'open sesame' -f key")),
        effect: |stage, _| stage.ask("ssh-keygen -y -P 'abra cadabra' -f key").map(drop),
    },
    Port {
        name: "openssl-req",
        about: "makes a key and a certificate request",
        args: &["www.example.org", "Example Ltd"],
        expect_args: None,
        env: &[("KEY_PASSWORD", "lock-4711")],
        prepare: |_| {},
        effect: |stage, _| {
            let request =
                "openssl req -in www.example.org.csr -noout -verify -subject -nameopt RFC2253";
            has(&stage.ask(request)?, "CN=www.example.org,O=Example Ltd,C=DE")?;
            stage.ask("openssl pkey -in www.example.org.key -passin pass:lock-4711").map(drop)
        },
    },
    Port {
        name: "gpg",
        about: "makes a GnuPG key through its menus",
        args: &["Ada Lovelace", "ada@example.org"],
        expect_args: None,
        env: &[("KEY_PASSPHRASE", "open sesame")],
        prepare: |stage| {
            stage.sh("mkdir -m 700 keys");
            stage.set("GNUPGHOME", stage.path("keys").to_str().unwrap());
        },
        effect: |stage, _| {
            let keys = stage.ask("gpg --no-autostart --list-keys --with-colons")?;
            has(&keys, "uid:u")?;
            has(&keys, "Ada Lovelace <ada@example.org>")
        },
    },
    Port {
        name: "cryptdir",
        about: "encrypts every file of a directory",
        args: &["letters"],
        expect_args: None,
        env: &[("CRYPT_PASSWORD", "lock-4711")],
        prepare: |stage| {
            for name in ["a.txt", "b.txt", "c d.txt"] {
                stage.write(&format!("letters/{name}"), &format!("this is {name}\n"));
            }
        },
        effect: |stage, _| {
            let decrypt = r#"for file in letters/*; do
                openssl enc -d -aes-256-cbc -pbkdf2 -pass env:CRYPT_PASSWORD -in "$file" || exit; done"#;
            let text = "this is a.txt\nthis is b.txt\nthis is c d.txt\n";
            has(&stage.ask(decrypt)?, text)
        },
    },
    Port {
        name: "git-add-p",
        about: "stages the hunks of a file that are fit for it",
        args: &["code.txt"],
        expect_args: None,
        env: &[],
        prepare: |stage| {
            stage.sh("git init -q . && seq 60 >code.txt && git add code.txt &&
                 sed -i 's/^5$/five/; s/^30$/DEBUG/; s/^55$/fifty-five/' code.txt");
        },
        effect: |stage, _| {
            let staged = stage.ask("git show :code.txt")?;
            has(&staged, "\nfive\n")?;
            has(&staged, "\n30\n")?;
            has(&staged, "\nfifty-five\n")
        },
    },
    Port {
        name: "vim",
        about: "edits a line in vim, by what is on the screen",
        args: &["hosts.conf", "listen", "8080"],
        expect_args: None,
        env: &[],
        prepare: |stage| stage.write("hosts.conf", "name web\nlisten 80\nlog all\n"),
        effect: |stage, _| has(&stage.read("hosts.conf"), "name web\nlisten 8080\nlog all\n"),
    },
];
