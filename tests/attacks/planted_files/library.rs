//! A SQLite store that somebody else could replace, or put a journal beside, is not opened:
//! whose each file is and who may write to it, one by one. Other users really try in the
//! tests of the program `cloacina`.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use signing_trust::store::{
    DatabaseUrl, FileFault, FileKind, FileRole, Store, StoreError, StoreReader, UnsafeFile,
};
use signing_trust::{KeyManager, TrustReader};
use tokio::task::JoinSet;

use crate::support::{Backend, Database, World, assert_refused, on_both_backends, run};

on_both_backends! {
    reader_sees_what_others_change,
}

/// A directory that others may pass, in it the store's own, and in that the store.
struct Place {
    outer: PathBuf,
    directory: PathBuf,
    file: PathBuf,
}

impl Place {
    async fn with_a_store(database: &Database) -> Self {
        let outer = fs::canonicalize(&database.directory).unwrap().join("outer");
        let directory = outer.join("store");
        let file = directory.join("store.db");
        let place = Self { outer, directory, file };
        Store::migrate(&place.url()).await.unwrap();
        place
    }

    fn url(&self) -> DatabaseUrl {
        DatabaseUrl::sqlite(&self.file)
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut path = self.file.clone().into_os_string();
        path.push(end);
        path.into()
    }

    async fn open(&self) -> Vec<Result<(), StoreError>> {
        let url = self.url();
        vec![
            Store::open(&url).await.map(drop),
            StoreReader::open(&url).await.map(drop),
            Store::migrate(&url).await.map(drop),
        ]
    }

    async fn assert_opened(&self, why: &str) {
        for opened in self.open().await {
            opened.unwrap_or_else(|error| panic!("{why}: {error}"));
        }
    }

    async fn assert_unsafe(&self, path: &Path, role: FileRole, fault: FileFault) {
        for opened in self.open().await {
            assert_refused!(
                opened,
                StoreError::UnsafeFile(UnsafeFile { path: found, role: whose, fault: what, .. })
                    if found == path && whose == role && what == fault
            );
        }
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn database_that_others_may_write_is_not_opened() {
    run(Backend::Sqlite, async |database: Database| {
        let place = Place::with_a_store(&database).await;
        for mode in [0o620, 0o602, 0o660, 0o606, 0o666, 0o777] {
            chmod(&place.file, mode);
            let fault = FileFault::Writable { mode };
            place.assert_unsafe(&place.file, FileRole::Database, fault).await;
        }
        for mode in [0o600, 0o640, 0o644, 0o755] {
            chmod(&place.file, mode);
            place.assert_opened(&format!("a database of mode {mode:o}")).await;
        }
    });
}

#[test]
fn database_is_not_opened_beside_a_journal_that_others_may_write() {
    run(Backend::Sqlite, async |database: Database| {
        let place = Place::with_a_store(&database).await;
        for end in ["-journal", "-wal", "-shm"] {
            let path = place.beside(end);
            File::create(&path).unwrap();
            for mode in [0o620, 0o602, 0o666] {
                chmod(&path, mode);
                let fault = FileFault::Writable { mode };
                place.assert_unsafe(&path, FileRole::Journal, fault).await;
            }
            chmod(&path, 0o600);
            place.assert_opened(end).await;
            let _ = fs::remove_file(&path);
        }
    });
}

#[test]
fn database_is_not_opened_in_a_directory_that_others_may_write() {
    run(Backend::Sqlite, async |database: Database| {
        let place = Place::with_a_store(&database).await;
        for mode in [0o770, 0o707, 0o720, 0o777, 0o2770] {
            chmod(&place.directory, mode);
            let fault = FileFault::Writable { mode };
            place.assert_unsafe(&place.directory, FileRole::Directory, fault).await;
        }
        // Nobody may rename the store then, but anybody may put a journal beside it.
        for mode in [0o1777, 0o1770] {
            chmod(&place.directory, mode);
            let fault = FileFault::Shared { mode };
            place.assert_unsafe(&place.directory, FileRole::Directory, fault).await;
        }
        for mode in [0o700, 0o750, 0o755, 0o2755] {
            chmod(&place.directory, mode);
            place.assert_opened(&format!("a directory of mode {mode:o}")).await;
        }
    });
}

#[test]
fn database_is_not_opened_below_a_directory_in_which_others_may_rename() {
    run(Backend::Sqlite, async |database: Database| {
        let place = Place::with_a_store(&database).await;
        for mode in [0o770, 0o707, 0o777] {
            chmod(&place.outer, mode);
            let fault = FileFault::Writable { mode };
            place.assert_unsafe(&place.outer, FileRole::Directory, fault).await;
        }
        // In a sticky one they can rename only what is theirs.
        for mode in [0o1777, 0o1770, 0o755, 0o700] {
            chmod(&place.outer, mode);
            place.assert_opened(&format!("below a directory of mode {mode:o}")).await;
        }
    });
}

#[test]
fn link_is_not_opened_as_a_database_nor_as_a_journal() {
    run(Backend::Sqlite, async |database: Database| {
        let place = Place::with_a_store(&database).await;
        for end in ["-journal", "-wal", "-shm"] {
            let path = place.beside(end);
            symlink("/dev/null", &path).unwrap();
            place.assert_unsafe(&path, FileRole::Journal, FileFault::Link).await;
            fs::remove_file(&path).unwrap();
            let elsewhere = place.directory.join("elsewhere");
            File::create(&elsewhere).unwrap();
            fs::hard_link(&elsewhere, &path).unwrap();
            place.assert_unsafe(&path, FileRole::Journal, FileFault::SeveralNames).await;
            fs::remove_file(&path).unwrap();
            fs::remove_file(&elsewhere).unwrap();
        }
        place.assert_opened("no journal is left").await;

        let genuine = place.directory.join("genuine.db");
        fs::rename(&place.file, &genuine).unwrap();
        symlink(&genuine, &place.file).unwrap();
        place.assert_unsafe(&place.file, FileRole::Database, FileFault::Link).await;
        fs::remove_file(&place.file).unwrap();
        fs::hard_link(&genuine, &place.file).unwrap();
        place.assert_unsafe(&place.file, FileRole::Database, FileFault::SeveralNames).await;
        fs::remove_file(&genuine).unwrap();
        place.assert_opened("one name is left").await;
    });
}

#[test]
fn link_to_a_directory_is_as_safe_as_what_it_leads_to() {
    run(Backend::Sqlite, async |database: Database| {
        let place = Place::with_a_store(&database).await;
        let links = database.directory.join("links");
        fs::create_dir(&links).unwrap();
        for (number, target) in
            [place.directory.clone(), "../outer/./store/../store".into()].iter().enumerate()
        {
            let link = links.join(format!("link-{number}"));
            symlink(target, &link).unwrap();
            let by_link = Place {
                outer: place.outer.clone(),
                directory: place.directory.clone(),
                file: link.join("store.db"),
            };
            by_link.assert_opened("a safe directory behind a safe link").await;
            chmod(&place.directory, 0o777);
            let fault = FileFault::Writable { mode: 0o777 };
            by_link.assert_unsafe(&place.directory, FileRole::Directory, fault).await;
            chmod(&place.directory, 0o700);
            // Others could point the link to another store of the same owner.
            let links = fs::canonicalize(&links).unwrap();
            chmod(&links, 0o777);
            by_link.assert_unsafe(&links, FileRole::Directory, fault).await;
            chmod(&links, 0o755);
            by_link.assert_opened("it is safe again").await;
        }
        let round = links.join("round");
        symlink(&round, &round).unwrap();
        let endless = DatabaseUrl::sqlite(round.join("store.db"));
        assert_refused!(Store::open(&endless).await, StoreError::File { .. });
    });
}

#[test]
fn what_is_not_a_database_is_not_opened_and_says_what_it_is() {
    run(Backend::Sqlite, async |database: Database| {
        let directory = fs::canonicalize(&database.directory).unwrap();
        let path = |name: &str| directory.join(name);
        fs::create_dir(path("directory")).unwrap();
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        fs::write(path("text"), "key: value\n").unwrap();
        fs::write(path("long"), "this is not a database, however long it is\n".repeat(999))
            .unwrap();
        for (name, kind) in [
            ("directory", FileKind::Directory),
            ("fifo", FileKind::Fifo),
            ("text", FileKind::OtherFormat),
            ("long", FileKind::OtherFormat),
        ] {
            let url = DatabaseUrl::sqlite(path(name));
            for opened in [
                Store::open(&url).await.map(drop),
                StoreReader::open(&url).await.map(drop),
                Store::migrate(&url).await.map(drop),
            ] {
                assert_refused!(
                    opened,
                    StoreError::NotADatabase { path: found, found: what }
                        if found == path(name) && what == kind
                );
            }
        }
        let socket = Store::open(&DatabaseUrl::sqlite(path("socket"))).await;
        assert_refused!(socket, StoreError::NotADatabase { found: FileKind::Socket, .. });
    });
}

/// The connections of a pool are opened when they are needed.
#[test]
fn store_that_becomes_unsafe_gets_no_further_connection() {
    run(Backend::Sqlite, async |database: Database| {
        let place = Place::with_a_store(&database).await;
        let store = Store::open(&place.url()).await.unwrap();
        let keys = KeyManager::new(store, None);
        keys.create_organization("acme".parse().unwrap()).await.unwrap();
        chmod(&place.directory, 0o777);
        // So many at once need more connections than there are.
        let mut asked = JoinSet::new();
        for _ in 0..64 {
            let keys = keys.clone();
            asked.spawn(async move { keys.store().organizations().await });
        }
        let refused = asked.join_all().await.into_iter().filter_map(Result::err);
        let refused: Vec<_> = refused.map(|error| error.to_string()).collect();
        assert!(!refused.is_empty());
        assert!(refused.iter().all(|text| text.contains("0777")), "{refused:?}");
        chmod(&place.directory, 0o700);
        keys.store().organizations().await.unwrap();
    });
}

#[test]
fn store_is_not_made_where_others_could_replace_it() {
    run(Backend::Sqlite, async |database: Database| {
        let shared = fs::canonicalize(&database.directory).unwrap().join("shared");
        fs::create_dir(&shared).unwrap();
        for mode in [0o777, 0o770, 0o1777] {
            chmod(&shared, mode);
            let made = Store::migrate(&DatabaseUrl::sqlite(shared.join("store.db"))).await;
            assert_refused!(made, StoreError::UnsafeFile(UnsafeFile { path, .. }) if path == shared);
            assert_eq!(fs::read_dir(&shared).unwrap().count(), 0);
        }
        // A directory of its own in a sticky one is safe, and is made.
        let inner = shared.join("inner");
        Store::migrate(&DatabaseUrl::sqlite(inner.join("store.db"))).await.unwrap();
        assert_eq!(fs::metadata(inner).unwrap().permissions(), Permissions::from_mode(0o40700));
    });
}

async fn reader_sees_what_others_change(world: World) {
    let org = world.org("acme").await;
    let store = StoreReader::open(&world.database.url()).await.unwrap();
    let reader = TrustReader::from(store);
    assert_eq!(reader.store().organizations().await.unwrap()[0].id, org);
    world.org("other").await;
    assert_eq!(reader.store().organizations().await.unwrap().len(), 2);
}
