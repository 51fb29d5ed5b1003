//! What commands show: a document for programs and text for people, from the same values.

mod documents;
mod keys;
mod missing;
mod refused_child;
mod signatures;
mod signed_trust;
mod signer;
mod trust;
mod unrooted;

use serde::Serialize;

use crate::lines::Lines;

pub(crate) use self::documents::DocumentsView;
pub(crate) use self::keys::{
    KeyRow, SigningKeyView, StatedKeyView, TrustedRowView, quoted_note, refusal_of, revocation_of,
};
pub(crate) use self::missing::MissingView;
pub(crate) use self::refused_child::{RefusedChildView, refused_child};
pub(crate) use self::signatures::{SignatureView, StatementView, Verdict, verdict_text};
pub(crate) use self::signed_trust::{ChangeView, DeniedView, DocumentView, KeyNames, RoleView};
pub(crate) use self::signer::SignerView;
pub(crate) use self::trust::{
    GraphGrantView, GraphKeyView, LimitsView, TrustPathView, TrustedKeyView, standing_text,
};
pub(crate) use self::unrooted::UnrootedView;

/// A result. Its `Serialize` is part of the `--json` interface.
pub(crate) trait View: Documented {
    fn text(&self) -> Lines;
}

/// What is printed with `--json`. The tests ask for a schema of it.
#[cfg(not(test))]
pub(crate) trait Documented: Serialize {}
#[cfg(not(test))]
impl<T: Serialize + ?Sized> Documented for T {}

#[cfg(test)]
pub(crate) trait Documented: Serialize + schemars::JsonSchema {}
#[cfg(test)]
impl<T: Serialize + schemars::JsonSchema + ?Sized> Documented for T {}

/// The documents of a module's commands, for the tests of the schemas: `command: view`.
macro_rules! json_documents {
    ($($command:literal: $view:ty),+ $(,)?) => {
        #[cfg(test)]
        pub(in crate::commands) const DOCUMENTS: &[crate::schemas::Document] =
            &[$(crate::schemas::Document::of::<$view>($command)),+];
    };
}
pub(crate) use json_documents;

impl<T: View> View for Vec<T> {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        for item in self {
            text.append(item.text());
        }
        text
    }
}
