//! Ports about accounts: passwd, su, adduser, and ssh with what goes over it. What a wrong password or a
//! refused one looks like is part of each.

use crate::examples::{Scene, plays};

#[test]
fn passwd() {
    plays("passwd", 0);
}

#[test]
fn passwd_does_not_know_the_user() {
    let Some(scene) = Scene::with("passwd", &["nobody-here"]) else { return };
    let reason = "heeler: passwd: user 'nobody-here' does not exist";
    scene.heeler().exit(122).err_has(reason).check();
}

#[test]
fn su() {
    plays("su", 0);
}

#[test]
fn su_with_a_wrong_password() {
    let Some(scene) = Scene::new("su") else { return };
    let reason = "heeler: Authentication failure: is $PASSWORD that of alice?";
    scene.heeler().env("PASSWORD", "wrong").exit(122).err_has(reason).check();
}

#[test]
fn the_exit_code_of_what_su_ran_comes_through() {
    let Some(scene) = Scene::with("su", &["alice", "exit 7"]) else { return };
    scene.heeler().exit(7).check();
}

#[test]
fn adduser() {
    plays("adduser", 0);
}

#[test]
fn adduser_of_a_user_who_is_there() {
    let Some(scene) = Scene::with("adduser", &["alice"]) else { return };
    let reason = "heeler: adduser: The user `alice' already exists.";
    scene.heeler().exit(122).err_has(reason).check();
}

#[test]
fn ssh() {
    plays("ssh", 0);
}

#[test]
fn ssh_with_a_wrong_password() {
    let Some(scene) = Scene::new("ssh") else { return };
    let reason = "heeler: the password in $SSH_PASSWORD is not that of alice@server";
    scene.heeler().env("SSH_PASSWORD", "wrong").exit(122).err_has(reason).check();
}

#[test]
fn ssh_to_a_host_that_is_down() {
    let Some(scene) = Scene::with("ssh", &["alice@down", "true"]) else { return };
    scene
        .heeler()
        .exit(122)
        .err_has("heeler: the output ended before")
        .err_has("| no route to host")
        .check();
}

#[test]
fn the_remote_exit_code_comes_through() {
    let Some(scene) = Scene::with("ssh", &["alice@server", "exit 7"]) else { return };
    scene.heeler().exit(7).check();
}

#[test]
fn ssh_copy_id() {
    plays("ssh-copy-id", 0);
}

#[test]
fn sftp() {
    plays("sftp", 0);
}

/// The part that was uploaded is removed.
#[test]
fn sftp_to_a_directory_that_is_not_there() {
    let Some(scene) = Scene::with("sftp", &["alice@server", "release.tar", "nowhere"]) else {
        return;
    };
    scene.heeler().exit(122).err_has("heeler: stat remote: No such file or directory").check();
}

#[test]
fn scp() {
    plays("scp", 0);
}

#[test]
fn scp_with_a_wrong_password() {
    let Some(scene) = Scene::new("scp") else { return };
    let reason = "heeler: `'s password: ` appeared again after it was answered once";
    scene.heeler().env("SSH_PASSWORD", "wrong").exit(122).err_has(reason).check();
}

#[test]
fn rsync() {
    plays("rsync", 0);
}

/// A host that fails is noted, the others are done.
#[test]
fn passmass() {
    plays("passmass", 122);
}
