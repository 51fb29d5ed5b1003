use std::io::Write;

use signing_loader::{SeenDocuments, StateFile, VersionMemory};

use crate::Verdict;

/// What a runner remembers of signed trust. The file is written again only when something
/// changes, so the oracle forgets everything and remembers it again.
pub(crate) fn state_file(input: &[u8]) -> Verdict {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seen");
    let mut file = tempfile::NamedTempFile::new_in(directory.path()).unwrap();
    file.write_all(input).unwrap();
    file.persist(&path).unwrap();

    let opened = StateFile::open(&path);
    if let Ok(file) = &opened {
        let mut first = SeenDocuments::default();
        file.update(&mut |seen| first = std::mem::take(seen)).unwrap();
        file.update(&mut |seen| *seen = first.clone()).unwrap();
        let mut again = SeenDocuments::default();
        StateFile::open(&path).unwrap().update(&mut |seen| again = seen.clone()).unwrap();
        assert_eq!(again, first);
        let organizations = input.iter().filter(|&&byte| byte == b'\n').count() - 1;
        assert_eq!(first.iter().count(), organizations, "one for each line but the first");
    }
    Verdict::from(&opened)
}
