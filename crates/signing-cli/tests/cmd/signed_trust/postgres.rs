use super::{EXPORT, PUBLISH, STATUS, filled, trust, verify, verify_by, versions, with_documents};
use crate::support::{Scratch, forge};

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn trust_is_published_in_postgres_and_a_row_alone_adds_nothing() {
    let scratch = with_documents(filled(Scratch::on_postgres(&["acme"])));
    assert_eq!(verify(&scratch).code, 0);
    scratch.json(&["package", "sign", "a.so", "--key", "other.pem", "--force"]);
    trust(&scratch, "other");
    verify(&scratch).assert_failed(1, "UntrustedSigner");
    scratch.json(&PUBLISH);
    assert_eq!(versions(&scratch), [1, 2, 1]);
    assert_eq!(verify(&scratch).code, 0);
    scratch.json(&EXPORT);
    assert_eq!(verify_by(&scratch, "bundle.json").code, 0);
    scratch.json(&STATUS);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn without_its_statement_an_organization_in_postgres_is_refused() {
    let scratch = with_documents(filled(Scratch::on_postgres(&["acme"])));
    assert_eq!(verify(&scratch).code, 0);
    forge(&scratch, "DELETE FROM cloacina.trust_documents WHERE kind = 'statement'");
    verify(&scratch).assert_failed(1, "TrustDocumentMissing");
    scratch.fails(1, "TrustDocumentMissing", &STATUS);
}
