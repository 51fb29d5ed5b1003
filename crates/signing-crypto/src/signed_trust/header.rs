use serde::{Deserialize, Serialize};

use super::DocumentVersion;
use super::error::DocumentFault;
use crate::dsse::Object;
use crate::names::{OrgId, OrgName, StatementTime};

/// What every document of signed trust says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentHeader {
    /// Whose document it is.
    pub org: OrgId,
    /// What the organization was called. It informs and never decides.
    pub org_name: OrgName,
    /// The document's number.
    pub version: DocumentVersion,
    /// When it was made. By a clock that shows a time more than a day before that, nothing is
    /// decided.
    pub issued_at: StatementTime,
    /// From when on it does not count any more.
    pub expires_at: StatementTime,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireOrganization {
    id: String,
    name: String,
}

impl WireOrganization {
    pub(super) fn new(id: &OrgId, name: &OrgName) -> Self {
        Self { id: id.to_string(), name: name.to_string() }
    }

    pub(super) fn parse(&self, name: &'static str) -> Result<(OrgId, OrgName), DocumentFault> {
        Ok((field(name, &self.id)?, field(name, &self.name)?))
    }
}

/// The header's fields as they stand in a document.
pub(super) struct WireHeader {
    pub(super) organization: Object<WireOrganization>,
    pub(super) version: u32,
    pub(super) issued_at: String,
    pub(super) expires_at: String,
}

impl WireHeader {
    pub(super) fn parse(self) -> Result<DocumentHeader, DocumentFault> {
        let (org, org_name) = self.organization.0.parse("organization")?;
        let header = DocumentHeader {
            org,
            org_name,
            version: DocumentVersion::new(self.version)
                .ok_or(DocumentFault::Field { field: "version" })?,
            issued_at: time("issuedAt", &self.issued_at)?,
            expires_at: time("expiresAt", &self.expires_at)?,
        };
        match header.issued_at < header.expires_at {
            true => Ok(header),
            false => Err(DocumentFault::ExpiresBeforeIssued),
        }
    }
}

impl From<&DocumentHeader> for WireHeader {
    fn from(header: &DocumentHeader) -> Self {
        Self {
            organization: Object(WireOrganization::new(&header.org, &header.org_name)),
            version: header.version.get(),
            issued_at: header.issued_at.to_string(),
            expires_at: header.expires_at.to_string(),
        }
    }
}

/// Reads a field that is text of a fixed form.
pub(super) fn field<T: std::str::FromStr>(
    field: &'static str,
    text: &str,
) -> Result<T, DocumentFault> {
    text.parse().map_err(|_| DocumentFault::Field { field })
}

/// Reads a field that is a time in UTC.
pub(super) fn time(field: &'static str, text: &str) -> Result<StatementTime, DocumentFault> {
    StatementTime::parse_utc(text).map_err(|_| DocumentFault::Field { field })
}
