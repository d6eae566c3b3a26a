//! Ports that ask, compute or draw: installers, menus, interpreters, games, servers.

use serde_json::json;

use crate::examples::{Scene, plays};

#[test]
fn installer() {
    plays("installer", 0);
}

#[test]
fn installer_says_what_it_has_against_an_answer() {
    let scene = Scene::new("installer").unwrap();
    scene.test.write("broken", "#!/bin/sh\necho 'ERROR: no space left'\nsleep 1000\n");
    scene.stage.sh("chmod 755 broken && mv broken installer.sh");
    scene.heeler().exit(122).err_has("heeler: the installer says: no space left").check();
}

#[test]
fn installer_does_not_overwrite() {
    let scene = Scene::new("installer").unwrap();
    scene.stage.sh("mkdir toy");
    scene.heeler().exit(122).err_has("heeler: toy is there already").check();
}

#[test]
fn menuconfig() {
    plays("menuconfig", 0);
}

#[test]
fn rogue() {
    plays("rogue", 0);
}

/// Each hero that was too weak is an attempt in the report.
#[test]
fn rogue_tells_of_each_attempt() {
    let scene = Scene::new("rogue").unwrap();
    scene.heeler().check();
    assert_eq!(scene.told("/attempts").as_array().map(Vec::len), Some(7));
    assert_eq!(scene.told("/flaky"), true);
}

#[test]
fn gdb() {
    plays("gdb", 0);
}

#[test]
fn gdb_puts_the_frames_into_the_report() {
    let scene = Scene::new("gdb").unwrap();
    scene.heeler().check();
    let frames = json!(["half (n=3) at crash.c:2", "main () at crash.c:3"]);
    let told = scene.told("/dialogue/captures/frames");
    let ours: Vec<_> = told.as_array().unwrap().iter().rev().take(2).rev().collect();
    assert_eq!(json!(ours), frames, "{told}");
    assert_eq!(scene.told("/dialogue/captures/signal"), "SIGABRT");
}

#[test]
fn gdb_without_the_program() {
    let scene = Scene::with("gdb", &["./nowhere"]).unwrap();
    let reason = "heeler: ./nowhere: No such file or directory.";
    scene.heeler().exit(122).err_has(reason).check();
}

#[test]
fn bc() {
    plays("bc", 0);
}

#[test]
fn bc_divides_by_zero() {
    let scene = Scene::with("bc", &["1/0"]).unwrap();
    scene.heeler().exit(122).err_has("heeler: bc says: Runtime error").check();
}

#[test]
fn sqlite() {
    plays("sqlite", 0);
}

/// Nothing has moved.
#[test]
fn sqlite_into_a_table_that_is_not_there() {
    let scene = Scene::with("sqlite", &["shop.db", "orders", "nowhere"]).unwrap();
    scene.heeler().exit(122).err_has("no such table: nowhere").check();
    let count = scene.stage.sh("sqlite3 shop.db 'select count(*) from orders'");
    assert_eq!(count, "3\n");
}

#[test]
fn python() {
    plays("python", 0);
}

#[test]
fn server() {
    plays("server", 0);
}

#[test]
fn server_without_a_page() {
    let scene = Scene::new("server").unwrap();
    scene.stage.write("site/index.html", "nothing\n");
    scene.heeler().exit(122).err_has("heeler: no heading in what it serves").check();
}
