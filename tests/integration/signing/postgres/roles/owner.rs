//! The owner's rights are the triggers' and the views': nothing may take them away.

use signing_trust::KeyManager;
use signing_trust::store::{RoleLimits, RoleName, RolePurpose, Store, StoreError};
use uuid::Uuid;

use crate::support::{Backend, Database, Login, assert_refused, run};

/// Runs statements one by one, as `psql` does: it goes on after an error.
async fn run_each(login: &Login, sql: &str) -> usize {
    let client = login.connect().await;
    let mut errors = 0;
    for statement in sql.lines() {
        errors += usize::from(client.batch_execute(statement).await.is_err());
    }
    errors
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_can_act_as_the_owner_is_given_no_rights_and_takes_none() {
    run(Backend::Postgres, async |database: Database| {
        let superuser = database.login();
        let name = format!("cloacina_test_{}", Uuid::new_v4().simple());
        let [owner, member, deputy, other] =
            ["owner", "member", "deputy", "other"].map(|role| format!("{name}_{role}"));
        let sql = format!(
            "CREATE ROLE {owner} LOGIN PASSWORD 'owner'; CREATE ROLE {member} NOINHERIT;
             CREATE ROLE {deputy} SUPERUSER; CREATE ROLE {other};
             GRANT {owner} TO {member}; ALTER DATABASE {} OWNER TO {owner}",
            superuser.database
        );
        database.execute(&sql).await.unwrap();
        let login =
            Login { user: owner.clone(), password: Some("owner".into()), ..superuser.clone() };
        let (store, _) = Store::migrate(&login.url("")).await.unwrap();
        let keys = KeyManager::new(store.clone(), None);
        keys.create_organization("acme".parse().unwrap()).await.unwrap();

        let (purpose, limits) = (RolePurpose::Admin, RoleLimits::Unchanged);
        for powerful in [&owner, &member, &deputy, &superuser.user] {
            let name: RoleName = powerful.parse().unwrap();
            let refused = store.grant_role(purpose, &name, limits).await;
            assert_refused!(refused, StoreError::RoleActsAsOwner { role } if role == *powerful);
            for login in [&login, &superuser] {
                assert!(run_each(login, &purpose.sql(&name, limits)).await > 1, "{powerful}");
            }
            assert_eq!(store.owner_rights().await.unwrap().lacking, []);
        }
        let name: RoleName = other.parse().unwrap();
        store.grant_role(purpose, &name, limits).await.unwrap();
        assert_eq!(run_each(&login, &purpose.sql(&name, limits)).await, 0);
        keys.create_organization("another".parse().unwrap()).await.unwrap();

        // What it would have done.
        let sql = format!("REVOKE ALL ON ALL TABLES IN SCHEMA cloacina FROM {owner}");
        database.execute(&sql).await.unwrap();
        let rights = store.owner_rights().await.unwrap();
        assert_eq!(rights.owner, owner);
        let lacking: Vec<_> = rights.lacking.iter().map(ToString::to_string).collect();
        for right in ["UPDATE on cloacina.store_state", "INSERT on cloacina.trust_history"] {
            assert!(lacking.contains(&right.to_owned()), "{lacking:?}");
        }
        assert!(keys.create_organization("third".parse().unwrap()).await.is_err());
        drop((keys, store));
        let sql = format!(
            "REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}, {other};
             DROP ROLE {owner}, {member}, {deputy}, {other}"
        );
        database.execute(&sql).await.unwrap();
    });
}
