//! Ports that work on files: disks, keys, certificates, repositories, editors.

use crate::examples::{Scene, plays};

#[test]
fn fsck() {
    plays("fsck", 0);
}

/// An entry of a directory is not cleared without a person.
#[test]
fn fsck_of_what_a_person_has_to_look_at() {
    let scene = Scene::new("fsck").unwrap();
    scene
        .stage
        .sh("debugfs -w -R 'write file lost' disk.img && debugfs -w -R 'clri lost' disk.img");
    let done = scene.heeler().exit(122).finish();
    let reason =
        "heeler: a person has to look at it: Entry 'lost' in / (2) has deleted/unused inode 13.";
    done.err_has(reason).check();
}

#[test]
fn fdisk() {
    plays("fdisk", 0);
}

#[test]
fn fdisk_leaves_a_disk_alone_that_is_in_use() {
    let scene = Scene::new("fdisk").unwrap();
    scene.heeler().check();
    let table = scene.stage.sh("sfdisk --dump disk.img");
    let reason = "heeler: there is a partition table on disk.img already";
    scene.heeler().exit(122).err_has(reason).check();
    assert_eq!(scene.stage.sh("sfdisk --dump disk.img"), table);
}

#[test]
fn ssh_keygen() {
    plays("ssh-keygen", 0);
}

#[test]
fn ssh_keygen_with_a_wrong_passphrase() {
    let scene = Scene::new("ssh-keygen").unwrap();
    let reason = "incorrect passphrase supplied to decrypt private key";
    scene.heeler().env("OLD_PASSPHRASE", "wrong").exit(122).err_has(reason).check();
}

#[test]
fn openssl_req() {
    plays("openssl-req", 0);
}

#[test]
fn openssl_req_for_a_country_that_is_none() {
    let scene =
        Scene::with("openssl-req", &["--set", "country=Germany", "host", "Company"]).unwrap();
    let reason = "appeared again after it was answered once (max = 1)";
    scene.heeler().exit(122).err_has(reason).check();
}

#[test]
fn gpg() {
    plays("gpg", 0);
}

#[test]
fn gpg_does_not_take_the_address() {
    let scene = Scene::with("gpg", &["Ada Lovelace", "nowhere"]).unwrap();
    let reason = "heeler: gpg does not take nowhere for an address";
    scene.heeler().exit(122).err_has(reason).check();
}

#[test]
fn cryptdir() {
    plays("cryptdir", 0);
}

#[test]
fn git_add_p() {
    plays("git-add-p", 0);
}

#[test]
fn vim() {
    plays("vim", 0);
}

#[test]
fn vim_does_not_find_the_line() {
    let scene = Scene::with("vim", &["hosts.conf", "port", "8080"]).unwrap();
    scene.heeler().exit(122).err_has("heeler: no line begins with port").check();
}
