//! A file in which systemd hands a secret to a service.
//!
//! It belongs to root or to the service's user and has the mode 0400. If it belongs to root and
//! the service to somebody else, an access control list lets that user read the file. Then the
//! mode that is shown is 0440: in a file with such a list, the bits of the group are the most
//! that the list gives to anybody, and the group itself has a right of its own.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use signing_crypto::MAX_PEM_SIZE;
use signing_loader::{Protection, ProtectionError};
use zeroize::Zeroizing;

use super::open;
use crate::error::CliError;

/// Reads a credential, if nobody else can reach it.
pub(crate) fn read_credential(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let failed = |source| CliError::Read { path: path.into(), source };
    let file = open(path, None)?;
    match Protection::Secrecy.require(path, &file.metadata().map_err(failed)?) {
        Err(ProtectionError::Readable { mode: 0o440, .. }) if admits_only_us(&file) => {}
        other => other?,
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    file.take(MAX_PEM_SIZE as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(target_os = "linux")]
fn admits_only_us(file: &File) -> bool {
    let mut list = [0; 4 + 16 * 8];
    let read = rustix::fs::fgetxattr(file, "system.posix_acl_access", &mut list);
    read.is_ok_and(|length| {
        admits_only(&list[..length], rustix::process::geteuid().as_raw()).unwrap_or(false)
    })
}

#[cfg(not(target_os = "linux"))]
fn admits_only_us(_: &File) -> bool {
    false
}

/// Whether an access control list gives nothing to anybody but the owner and `user`; `None` if
/// it is not a list. The format is that of Linux (`linux/posix_acl_xattr.h`).
#[cfg(target_os = "linux")]
fn admits_only(list: &[u8], user: u32) -> Option<bool> {
    const VERSION: u32 = 2;
    const OWNER: u16 = 0x01;
    const USER: u16 = 0x02;
    const MASK: u16 = 0x10;
    let (version, entries) = list.split_first_chunk()?;
    let (entries, []) = entries.as_chunks::<8>() else { return None };
    if u32::from_le_bytes(*version) != VERSION || entries.is_empty() {
        return None;
    }
    Some(entries.iter().all(|[tag, tag_2, rights, rights_2, id @ ..]| {
        let tag = u16::from_le_bytes([*tag, *tag_2]);
        let rights = u16::from_le_bytes([*rights, *rights_2]);
        match tag {
            OWNER | MASK => true,
            USER if u32::from_le_bytes(*id) == user => true,
            _ => rights == 0,
        }
    }))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const US: u32 = 990;

    /// As systemd makes it, with one entry replaced.
    fn list(replaced: usize, entry: (u16, u16, u32)) -> Vec<u8> {
        let unset = u32::MAX;
        // The owner, the service's user, the group, the mask, and others.
        let mut entries =
            [(0x01, 4, unset), (0x02, 4, US), (0x04, 0, unset), (0x10, 4, unset), (0x20, 0, unset)];
        entries[replaced] = entry;
        let mut list = 2u32.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            list.extend(u16::to_le_bytes(tag));
            list.extend(u16::to_le_bytes(rights));
            list.extend(u32::to_le_bytes(id));
        }
        list
    }

    #[test]
    fn a_credential_that_a_list_opens_to_this_user_alone_is_accepted() {
        assert_eq!(admits_only(&list(0, (0x01, 4, u32::MAX)), US), Some(true));
    }

    #[test]
    fn a_credential_that_a_list_opens_to_anybody_else_is_refused() {
        for (replaced, entry) in [
            (1, (0x02, 4, US + 1)),
            (2, (0x04, 4, u32::MAX)),
            (2, (0x08, 4, US)),
            (4, (0x20, 4, u32::MAX)),
            (4, (0x40, 4, u32::MAX)),
        ] {
            assert_eq!(admits_only(&list(replaced, entry), US), Some(false), "{entry:?}");
        }
    }

    #[test]
    fn what_is_not_a_list_is_refused() {
        let good = list(0, (0x01, 4, u32::MAX));
        let mut newer = good.clone();
        newer[0] = 3;
        for bad in [&[][..], &good[..3], &good[..4], &good[..good.len() - 1], &newer] {
            assert_eq!(admits_only(bad, US), None, "{bad:?}");
        }
    }
}
