use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::attacks::host::Host;

#[test]
fn a_runner_trusts_no_key_that_others_can_replace() {
    let host = Host::new();
    let open = host.path().join("open");
    fs::create_dir(&open).unwrap();
    symlink("../dev.pub.pem", open.join("dev.pub.pem")).unwrap();
    let trusting = ["--require-signatures", "--trust-key", "open/dev.pub.pem", "libworkflow.so"];
    for (mode, code) in [(0o777, 2), (0o775, 2), (0o1777, 0), (0o755, 0)] {
        fs::set_permissions(&open, Permissions::from_mode(mode)).unwrap();
        let run = host.run(&trusting);
        assert_eq!(run.code, Some(code), "{mode:o}: {}", run.stderr);
        assert_eq!(run.stderr.contains("others could replace"), code == 2, "{}", run.stderr);
    }
}
