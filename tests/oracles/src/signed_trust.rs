use std::fmt::Debug;

use serde_json::Value;
use signing_crypto::{
    DraftDocuments, MAX_BUNDLE_SIZE, Revocations, RootDocument, SignedDocument, TrustBundle,
    TrustDocument, TrustStatement,
};

use crate::Verdict;
use crate::bytes::signed_envelope;

/// The payload of a root document.
pub(crate) fn root_document(payload: &[u8]) -> Verdict {
    document::<RootDocument>(payload)
}

/// The payload of a trust statement.
pub(crate) fn trust_statement(payload: &[u8]) -> Verdict {
    document::<TrustStatement>(payload)
}

/// The payload of revocations.
pub(crate) fn revocations(payload: &[u8]) -> Verdict {
    document::<Revocations>(payload)
}

fn document<D: TrustDocument + Debug + PartialEq>(payload: &[u8]) -> Verdict {
    let envelope = signed_envelope(D::PAYLOAD_TYPE, payload);
    let parsed = SignedDocument::<D>::parse(&envelope);
    if let Ok(signed) = &parsed {
        assert!(payload.len() <= D::MAX_PAYLOAD);
        let again = SignedDocument::<D>::parse(signed.to_json().as_bytes()).unwrap();
        assert_eq!(&again, signed, "the signed bytes are kept");
        let document = signed.unverified();
        let printed = SignedDocument::<D>::unsigned(document).unwrap();
        assert_eq!(printed.unverified(), document);

        let header = document.header();
        let json: Value = serde_json::from_slice(payload).unwrap();
        assert_eq!(json["version"], header.version.get());
        assert_eq!(json["organization"]["name"], header.org_name.as_str());
        assert!(header.issued_at < header.expires_at);

        // Its type is signed: it is no document of another kind.
        let others = [RootDocument::KIND, TrustStatement::KIND, Revocations::KIND];
        let read_as = [
            SignedDocument::<RootDocument>::parse(&envelope).is_ok(),
            SignedDocument::<TrustStatement>::parse(&envelope).is_ok(),
            SignedDocument::<Revocations>::parse(&envelope).is_ok(),
        ];
        assert_eq!(read_as, others.map(|kind| kind == D::KIND));
    }
    Verdict::from(&parsed)
}

/// A bundle of documents.
pub(crate) fn bundle(input: &[u8]) -> Verdict {
    let parsed = TrustBundle::parse(input);
    if let Ok(bundle) = &parsed {
        assert!(input.len() <= MAX_BUNDLE_SIZE);
        assert!(bundle.documents().contains_key(&bundle.org()));
        let printed = bundle.to_json().unwrap();
        assert_eq!(&TrustBundle::parse(printed.as_bytes()).unwrap(), bundle);
        let json: Value = serde_json::from_slice(input).unwrap();
        let organizations = json["organizations"].as_array().unwrap();
        assert_eq!(organizations.len(), bundle.documents().len());
    }
    Verdict::from(&parsed)
}

/// Documents that go round to be signed.
pub(crate) fn draft(input: &[u8]) -> Verdict {
    let parsed = DraftDocuments::parse(input);
    if let Ok(draft) = &parsed {
        let again = DraftDocuments::parse(draft.to_json().as_bytes()).unwrap();
        assert_eq!(&again, draft);
        assert_eq!(again.missing(), draft.missing());
    }
    Verdict::from(&parsed)
}
