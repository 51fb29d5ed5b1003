use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// A key in a PKCS#11 token, named by a URI of RFC 7512.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenUri {
    text: String,
    pub(crate) module: Module,
    pub(crate) token: TokenName,
    pub(crate) label: Option<Vec<u8>>,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) pin_file: Option<PathBuf>,
}

/// The shared library that speaks with tokens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Module {
    Path(PathBuf),
    /// Without `lib`, `.so` and a directory.
    Name(String),
}

/// What a token must have. What is absent may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenName {
    pub(crate) label: Option<String>,
    pub(crate) manufacturer: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) serial: Option<String>,
}

/// Text that names no key in a token.
#[derive(Debug, Error)]
pub(crate) enum TokenUriError {
    #[error("the PKCS#11 URI has the unknown attribute {name:?}")]
    Attribute { name: String },
    #[error("the PKCS#11 URI has the attribute {name:?} twice")]
    Repeated { name: String },
    #[error("the attribute {name:?} of the PKCS#11 URI must be {expected}")]
    Value { name: &'static str, expected: &'static str },
    #[error("the PKCS#11 URI names no module: append ?module-path=<the module's .so file>")]
    NoModule,
}

impl TokenUri {
    /// As it was given. It holds no PIN.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the text holds a PIN, which every user of the machine can read then. Such a URI
    /// is not parsed, and not repeated in any message.
    pub(crate) fn holds_pin(text: &str) -> bool {
        text.split(['?', '&', ';', ':']).any(|attribute| attribute.starts_with("pin-value"))
    }
}

/// Attributes that are not known are refused: they would name another key.
impl FromStr for TokenUri {
    type Err = TokenUriError;

    fn from_str(text: &str) -> Result<Self, TokenUriError> {
        let given = text.strip_prefix("pkcs11:").unwrap_or(text);
        let (path, query) = given.split_once('?').unwrap_or((given, ""));
        let mut path = Attributes::parse(path, ';')?;
        let mut query = Attributes::parse(query, '&')?;
        let token = TokenName {
            label: path.text("token")?,
            manufacturer: path.text("manufacturer")?,
            model: path.text("model")?,
            serial: path.text("serial")?,
        };
        let (label, id) = (path.bytes("object")?, path.bytes("id")?);
        if path.text("type")?.is_some_and(|kind| kind != "private") {
            return Err(TokenUriError::Value { name: "type", expected: "private" });
        }
        let module = match (query.text("module-path")?, query.text("module-name")?) {
            (Some(path), None) => Module::Path(absolute("module-path", path)?),
            (None, Some(name)) if !name.is_empty() && !name.contains('/') => Module::Name(name),
            (None, Some(_)) => {
                return Err(TokenUriError::Value {
                    name: "module-name",
                    expected: "a name, without a directory",
                });
            }
            (Some(_), Some(_)) => {
                return Err(TokenUriError::Value {
                    name: "module-name",
                    expected: "absent beside module-path",
                });
            }
            (None, None) => return Err(TokenUriError::NoModule),
        };
        let pin_file = match query.text("pin-source")? {
            None => None,
            Some(source) => {
                let path = source.strip_prefix("file:").unwrap_or(&source);
                let path = path.strip_prefix("//").unwrap_or(path);
                Some(absolute("pin-source", path.to_owned())?)
            }
        };
        path.require_empty()?;
        query.require_empty()?;
        Ok(Self { text: text.to_owned(), module, token, label, id, pin_file })
    }
}

fn absolute(name: &'static str, path: String) -> Result<PathBuf, TokenUriError> {
    let path = PathBuf::from(path);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(TokenUriError::Value { name, expected: "the absolute path of a file" }),
    }
}

/// Attributes that nobody has asked for yet, as they were written.
struct Attributes<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Attributes<'a> {
    fn parse(text: &'a str, separator: char) -> Result<Self, TokenUriError> {
        let mut attributes = BTreeMap::new();
        for attribute in text.split(separator).filter(|attribute| !attribute.is_empty()) {
            let unknown = || TokenUriError::Attribute { name: attribute.to_owned() };
            let (name, value) = attribute.split_once('=').ok_or_else(unknown)?;
            if attributes.insert(name, value).is_some() {
                return Err(TokenUriError::Repeated { name: name.to_owned() });
            }
        }
        Ok(Self(attributes))
    }

    fn bytes(&mut self, name: &'static str) -> Result<Option<Vec<u8>>, TokenUriError> {
        let expected = "percent-encoded, such as %01, and not empty";
        let malformed = TokenUriError::Value { name, expected };
        match self.0.remove(name) {
            None => Ok(None),
            Some(value) => match decode(value) {
                Some(bytes) if !bytes.is_empty() => Ok(Some(bytes)),
                _ => Err(malformed),
            },
        }
    }

    fn text(&mut self, name: &'static str) -> Result<Option<String>, TokenUriError> {
        let malformed = |_| TokenUriError::Value { name, expected: "UTF-8" };
        self.bytes(name)?.map(String::from_utf8).transpose().map_err(malformed)
    }

    fn require_empty(&self) -> Result<(), TokenUriError> {
        match self.0.keys().next() {
            Some(name) => Err(TokenUriError::Attribute { name: (*name).to_owned() }),
            None => Ok(()),
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        decoded.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
        rest = after;
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> TokenUri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_uri_is_read_as_rfc_7512_has_it() {
        let uri = parse(
            "pkcs11:token=The%20Software;manufacturer=Snake%20Oil,%20Inc.;model=1.0;serial=0a;\
             object=release;type=private;id=%01%fF?module-name=softhsm2&pin-source=file:/etc/pin",
        );
        assert_eq!(uri.token.label.as_deref(), Some("The Software"));
        assert_eq!(uri.token.manufacturer.as_deref(), Some("Snake Oil, Inc."));
        assert_eq!(uri.token.model.as_deref(), Some("1.0"));
        assert_eq!(uri.token.serial.as_deref(), Some("0a"));
        assert_eq!(uri.label.as_deref(), Some(&b"release"[..]));
        assert_eq!(uri.id.as_deref(), Some(&[1, 255][..]));
        assert_eq!(uri.module, Module::Name("softhsm2".into()));
        assert_eq!(uri.pin_file, Some("/etc/pin".into()));

        let uri = parse("pkcs11:?module-path=/usr/lib/m%3b.so&pin-source=file:///run/pin");
        assert_eq!(uri.module, Module::Path("/usr/lib/m;.so".into()));
        assert_eq!(uri.pin_file, Some("/run/pin".into()));
        assert_eq!((uri.token, uri.label, uri.id), (TokenName::default(), None, None));
        assert_eq!(
            parse("pkcs11:?module-name=m&pin-source=/run/pin").pin_file,
            Some("/run/pin".into())
        );
    }

    #[test]
    fn what_would_name_another_key_or_nothing_is_refused() {
        for text in [
            "pkcs11:",
            "pkcs11:object=release",
            "pkcs11:object=release?module-path=m.so",
            "pkcs11:object=release?module-name=../m",
            "pkcs11:object=release?module-name=",
            "pkcs11:object=release?module-name=m&module-path=/m.so",
            "pkcs11:object=?module-name=m",
            "pkcs11:object=%?module-name=m",
            "pkcs11:object=%0?module-name=m",
            "pkcs11:object=%+1?module-name=m",
            "pkcs11:token=%ff?module-name=m",
            "pkcs11:object=a;object=b?module-name=m",
            "pkcs11:object?module-name=m",
            "pkcs11:objekt=a?module-name=m",
            "pkcs11:module-name=m",
            "pkcs11:type=public?module-name=m",
            "pkcs11:?module-name=m&pin-source=|cat",
            "pkcs11:?module-name=m&pin-source=file:pin",
            "pkcs11:?module-name=m&x-vendor=1",
        ] {
            assert!(text.parse::<TokenUri>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pin_is_found_wherever_it_stands() {
        for text in [
            "pkcs11:?pin-value=1234&module-name=m",
            "pkcs11:object=a?module-name=m&pin-value=1234",
            "pkcs11:pin-value=1234",
            "pkcs11:object=a;pin-value",
        ] {
            assert!(TokenUri::holds_pin(text), "{text}");
        }
        assert!(!TokenUri::holds_pin("pkcs11:object=pin-value?module-name=m"));
    }
}
