//! Ports that talk to a server: ftp and telnet.

use crate::examples::{Scene, plays};

#[test]
fn ftp() {
    plays("ftp", 0);
}

#[test]
fn ftp_with_a_wrong_password() {
    let scene = Scene::new("ftp").unwrap();
    let reason = "heeler: the server said 530 login incorrect";
    scene.heeler().env("FTP_PASSWORD", "wrong").exit(122).err_has(reason).check();
}

#[test]
fn ftp_from_a_directory_that_is_not_there() {
    let scene = Scene::with("ftp", &["--set", "dir=/nowhere", "127.0.0.1"]).unwrap();
    let reason = "heeler: the server said 550 /nowhere: no such file or directory";
    scene.heeler().exit(122).err_has(reason).check();
}

#[test]
fn telnet() {
    plays("telnet", 0);
}

#[test]
fn telnet_notes_what_the_pager_cut() {
    let scene = Scene::new("telnet").unwrap();
    scene.heeler().check();
    let ports = scene.told("/dialogue/captures/ports");
    assert_eq!(ports.as_array().map(Vec::len), Some(30), "{ports}");
}

#[test]
fn telnet_with_a_wrong_password() {
    let scene = Scene::new("telnet").unwrap();
    let cmd = scene.heeler().env("SWITCH_PASSWORD", "wrong").exit(122);
    cmd.err_has("heeler: the switch says: Login invalid").check();
}
