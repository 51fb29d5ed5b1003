//! Several questions about one key each, in one statement.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable};
use signing_crypto::{Fingerprint, OrgId, PackageName};

use super::text::ABOUT_EACH;
use super::{Facts, walk};
use crate::sql_types::{Bind, Bytes, Id, Label, bind};
use crate::store_state::{InRecovery, ServerTime};

/// The questions, of which each is answered with its number: the first is 1.
#[derive(Default, QueryId)]
pub(in crate::trust_facts) struct Questions {
    orgs: Vec<Bind<OrgId>>,
    keys: Vec<Bind<Fingerprint>>,
    packages: Vec<Option<Bind<PackageName>>>,
}

impl Questions {
    pub(in crate::trust_facts) fn push(
        &mut self,
        org: OrgId,
        package: Option<PackageName>,
        key: Fingerprint,
    ) {
        self.orgs.push(bind(org));
        self.keys.push(bind(key));
        self.packages.push(package.map(bind));
    }
}

impl Query for Questions {
    type SqlType = (BigInt, Facts);
}

impl QueryFragment<Pg> for Questions {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        walk(ABOUT_EACH, out, |hole, out| match hole {
            "orgs" => out.push_bind_param::<Array<Id>, _>(&self.orgs),
            "keys" => out.push_bind_param::<Array<Bytes>, _>(&self.keys),
            "packages" => out.push_bind_param::<Array<Nullable<Label>>, _>(&self.packages),
            "in recovery" => InRecovery.walk_ast(out.reborrow()),
            "server time" => ServerTime.walk_ast(out.reborrow()),
            hole => unreachable!("the statement has a hole {hole:?}"),
        })
    }
}
