//! What a native package links against, and why runners would not load it.

use std::path::Path;

use serde::Serialize;
use signing_loader::{LoadError, PackageError, inspect_library};

use crate::error::CliError;
use crate::lines::Lines;
use crate::output::{ErrorView, Report};
use crate::view::View;

/// What was found in a file that may be a native library.
#[derive(Default)]
pub(super) struct Library {
    path: String,
    links: Option<Links>,
    faults: Vec<CliError>,
}

#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Links {
    soname: Option<String>,
    needed: Vec<String>,
}

impl Library {
    /// Nothing, if the file is not an ELF file or is not there.
    pub(super) fn of(path: &Path) -> Self {
        let shown = path.display().to_string();
        match inspect_library(path) {
            Ok(Some(found)) => {
                let links = Links { soname: found.soname, needed: found.needed };
                let faults = found.faults.into_iter().map(LoadError::from);
                let faults = faults.map(|fault| PackageError::from(fault).into()).collect();
                Self { path: shown, links: Some(links), faults }
            }
            Ok(None) => Self::default(),
            Err(PackageError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Self::default()
            }
            Err(error) => Self { path: shown, links: None, faults: vec![error.into()] },
        }
    }

    pub(super) fn view(&self) -> Option<LibraryView> {
        let links = self.links.clone()?;
        Some(LibraryView { links, faults: self.faults.iter().map(ErrorView::of).collect() })
    }

    /// Adds a warning for each fault.
    pub(super) fn warn(self, report: &mut Report) {
        for fault in self.faults {
            report.warn(self.path.clone(), fault);
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LibraryView {
    #[serde(flatten)]
    links: Links,
    faults: Vec<ErrorView>,
}

impl View for LibraryView {
    fn text(&self) -> Lines {
        let soname = self.links.soname.as_deref().unwrap_or("(no SONAME)");
        let mut text = Lines::from(format!("  library    {soname}"));
        let labels = std::iter::once("needs").chain(std::iter::repeat(""));
        for (label, name) in labels.zip(&self.links.needed) {
            text.push(format!("  {label:<9}  {name}"));
        }
        text
    }
}
