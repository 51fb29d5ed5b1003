use signing_loader::Sealing;

use super::check::Checks;

const CHECK: &str = "sealed memory";

/// Whether packages can be loaded here as they were verified.
pub(super) fn check(checks: &mut Checks) {
    match Sealing::try_here() {
        Ok(Sealing::Sealed) => {
            checks.ok(CHECK, "a copy of a package can be sealed, and code in it may run");
        }
        Ok(_) => checks.warning(
            CHECK,
            "this system cannot seal a copy: another process of the same user could change it",
            "load packages on Linux",
        ),
        Err(error) => checks.problem(
            CHECK,
            format!("packages cannot be loaded: {error}"),
            "mount /proc, allow the system call memfd_create, and do not set vm.memfd_noexec to 2 \
             or mount memory files noexec",
        ),
    }
}
