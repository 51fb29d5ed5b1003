//! Names that stand in the way of a package, and what is moved away for it.

use super::*;

#[test]
fn what_the_directory_needs_for_itself_is_no_package() {
    for reserved in ["releases", ".lock", "Releases"] {
        let name = reserved.parse().unwrap();
        let refused = InstallDirectory::require_name(&name).unwrap_err();
        assert!(matches!(refused, InstallError::ReservedName { .. }), "{refused:?}");
    }
    for free in ["releases.so", "release", ".new", ".link", ".old"] {
        InstallDirectory::require_name(&free.parse().unwrap()).unwrap();
    }
}

#[test]
fn what_is_moved_away_for_a_package_takes_no_place_of_another() {
    let workshop = Workshop::new();
    workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
    let (link, other) = (workshop.path("packages").join(NAME), workshop.path("packages/x"));
    fs::rename(&link, workshop.path(&format!("packages/{NAME}.before"))).unwrap();
    fs::write(&link, "in the way").unwrap();
    let remedy = || {
        let refused = workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap_err();
        assert!(matches!(refused, InstallError::Occupied { .. }), "{refused:?}");
        let remedy = refused.remedy().unwrap();
        remedy.split_once(": ").unwrap().1.to_owned()
    };
    let run = |line: &str| Command::new("sh").args(["-c", line]).status().unwrap();
    run(&remedy());
    let kept = fs::read_link(workshop.path(&format!("packages/{NAME}.before"))).unwrap();
    assert!(kept.starts_with("releases"), "{kept:?}");
    // Where that name is free, it helps.
    fs::rename(workshop.path(&format!("packages/{NAME}.before")), other).unwrap();
    assert!(run(&remedy()).success());
    workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
}
