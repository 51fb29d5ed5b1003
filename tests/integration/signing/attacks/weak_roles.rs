mod limits;
mod locks;
mod own_server;
mod schema;
mod search_path;
mod signatures;

use signing_crypto::OrgId;
use signing_trust::KeyManager;
use signing_trust::store::{RolePurpose, Store};

use crate::support::{Role, World, kek};

async fn runner(world: &World) -> Role {
    Role::create(&world.database, &world.store, RolePurpose::Runner).await
}

async fn signer(world: &World, org: OrgId) -> Role {
    Role::create(&world.database, &world.store, RolePurpose::Signer(org)).await
}

async fn admin(world: &World) -> Role {
    Role::create(&world.database, &world.store, RolePurpose::Admin).await
}

/// The world as a program sees it that connects as `role`.
async fn seen_by(role: &Role, world: &World) -> World {
    let store = Store::open(&role.login.url("")).await.unwrap();
    let keys = KeyManager::new(store.clone(), Some(kek(1)));
    World {
        store,
        keys,
        config: world.config.clone(),
        require_signatures: world.require_signatures,
        database: world.database.clone(),
    }
}
