use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::backend::origin::{HasSettings, InRecovery, Origin, ServerTime};
use crate::backend::{connection_trait, impl_for_connections};
use crate::error::StoreError;
use crate::pool::{Pool, read};
use crate::schema::{store_state, trust_history};
use crate::sql_types::bind;

pub(crate) trait AskHistory {
    /// Where what is said now comes from, and whether both are in the history of that.
    async fn history_of(&mut self, both: [&Origin; 2]) -> Result<(Origin, bool), StoreError>;
}

/// The columns of an [`Origin`], in their order.
macro_rules! origin_columns {
    () => {
        (
            store_state::store_id,
            store_state::schema_version,
            store_state::trust_epoch,
            store_state::trust_state,
            InRecovery,
            HasSettings,
            ServerTime,
        )
    };
}

connection_trait! {
pub(crate) trait AskOrigin {
    /// Where what is said on this connection comes from.
    async fn origin(&mut self) -> Result<Origin, StoreError> {
        let state = store_state::table.filter(store_state::singleton.eq(1));
        Ok(state.select(origin_columns!()).get_result(self).await?)
    }
}}

impl_for_connections!(AskHistory {
    async fn history_of(&mut self, [one, other]: [&Origin; 2]) -> Result<(Origin, bool), StoreError> {
        let there_was = |origin: &Origin| {
            let state = trust_history::state.eq(bind(origin.trust_state));
            exists(trust_history::table.find(origin.trust_epoch).filter(state))
        };
        let state = store_state::table.filter(store_state::singleton.eq(1));
        let both = there_was(one).and(there_was(other));
        Ok(state.select((origin_columns!(), both)).get_result(self).await?)
    }
});

impl AskHistory for &Pool {
    async fn history_of(&mut self, both: [&Origin; 2]) -> Result<(Origin, bool), StoreError> {
        let [one, other] = both.map(|origin| *origin);
        read!(self, |conn| { AskHistory::history_of(conn, [&one, &other]).await })
    }
}
